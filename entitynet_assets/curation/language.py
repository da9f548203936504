"""In which language a text is, by the letters that come one after another.

Belongs here: the languages told apart, and when none is told. Does not belong here: what is done with it.

The model is py3langid's (naive Bayes over byte n-grams). Its 140 classes are narrowed to languages that alt texts are written in, as
it takes English names for Pidgin, Latin or Welsh; and as most alt texts are English, another language must be surer than
English. How often it is right: docs/texts.md.
"""

from __future__ import annotations

from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

UNDETERMINED = "und"  # ISO 639-2: undetermined
SURE, SURE_ENGLISH = 0.7, 0.3  # of the probabilities over LANGUAGES, below which a text is undetermined
FEWEST_LETTERS = 4
LANGUAGES = (
    "ar", "be", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "he", "hi", "hr", "hu", "hy", "id", "it",
    "ja", "ka", "kk", "ko", "lt", "lv", "mk", "ml", "mr", "ms", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sq", "sr", "sv", "ta",
    "te", "th", "tr", "uk", "ur", "vi", "zh",
)  # fmt: skip


def language_of(text: str) -> str:
    """Return the ISO 639-1 code of a text's language, one of LANGUAGES, or `und` where it is not sure."""
    if text.isascii() and sum(map(str.isalpha, text)) < FEWEST_LETTERS:
        return UNDETERMINED
    language, sureness = _identifier().classify(text)
    return language if sureness >= (SURE_ENGLISH if language == "en" else SURE) else UNDETERMINED


@cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(LANGUAGES)
    return identifier

"""In which language a text is, by the letters that come one after another.

Belongs here: the languages told apart, and when none is told. Does not belong here: what is done with it.

The model is py3langid's (naive Bayes over byte n-grams); its classes are narrowed to languages with a large Wikipedia, as a
model of 140 takes English names for Pidgin. What is sure and what is not: docs/texts.md.
"""

from __future__ import annotations

from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

UNDETERMINED = "und"  # ISO 639-2: undetermined
SUREST = 0.5  # of the probabilities over LANGUAGES, below which a text is undetermined
FEWEST_LETTERS = 4  # of scripts of letters; a script of one language tells it by a single sign
LANGUAGES = (
    "ar", "az", "be", "bg", "bn", "ca", "cs", "cy", "da", "de", "el", "en", "eo", "es", "et", "eu", "fa", "fi", "fr", "gl", "he", "hi",
    "hr", "hu", "hy", "id", "it", "ja", "ka", "kk", "ko", "la", "lt", "lv", "mk", "ml", "mr", "ms", "nl", "nn", "no", "pl", "pt", "ro",
    "ru", "sk", "sl", "sq", "sr", "sv", "ta", "te", "th", "tr", "uk", "ur", "uz", "vi", "zh",
)  # fmt: skip


def language_of(text: str) -> str:
    """Return the ISO 639-1 code of a text's language, `und` where it is not sure."""
    if text.isascii() and sum(map(str.isalpha, text)) < FEWEST_LETTERS:
        return UNDETERMINED
    language, sureness = _identifier().classify(text)
    return language if sureness >= SUREST else UNDETERMINED


@cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(LANGUAGES)
    return identifier

"""What of a text of the web is words about a picture: one rule a function, in the order in which they are applied.

Belongs here: pure rules of strings, each of which takes something away, and the reason that a text is refused for.
Does not belong here: which texts are looked at (texts.py), in which language they are (language.py).

A rule answers the text without what it is about. The rule after which no letter is left is the reason that the text is refused
for. Right-to-left scripts, joiners within words and the marks of a script stay; case and punctuation stay as they are.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from itertools import groupby
from urllib.parse import unquote

import ftfy

from entitynet_assets.curation.phrases import drop_phrases

LONGEST_RAW, LONGEST_CLEAN = 10_000, 1_000  # characters: more is a page and no caption; more than a caption needs
_LETTER = re.compile(r"[^\W\d_]")
_EDGES = " \t\n-|,;:/\\_*~•·–—"


def clean(raw: str) -> tuple[str, str | None]:
    """Return (words, None), or ("", reason) for a text that says nothing of a picture; reasons are REASONS."""
    if len(raw) > LONGEST_RAW:
        return "", "too_long"
    text = " ".join(raw.split())
    if not any(map(str.isalpha, text)):
        return "", "no_letters"
    for reason, rule in RULES:
        text = rule(text)
        if not any(map(str.isalpha, text)):
            return "", reason
    return shorten(" ".join(text.split()).strip(_EDGES)), None


# -- characters ----------------------------------------------------------------------------------------------------------

_SCRIPTS = re.compile(r"<(script|style)\b[^>]*>.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_INLINE = re.compile(r"</?(?:a|b|big|em|font|i|mark|s|small|span|strong|sub|sup|u)(?:\s[^<>]*)?>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z!?][^<>]*>|<[a-z/][^<>]*=[^<>]*$", re.IGNORECASE)


def drop_markup(text: str) -> str:
    """Take HTML away: entities are resolved, also those escaped twice; tags go, scripts and comments with what is in them."""
    for _ in range(3):
        if "<" not in text and "&" not in text:
            break
        before, text = text, html.unescape(text)
        text = _TAG.sub(" ", _INLINE.sub("", _SCRIPTS.sub(" ", text)))
        if text == before:
            break
    return text


def mend_characters(text: str) -> str:
    """Mend what was decoded wrongly (mojibake, by ftfy; halves of surrogate pairs) and compose marks (NFC).

    A character that is lost (U+FFFD) within a word makes the text nothing, as nobody knows the word; elsewhere it goes.
    """
    if text.isascii():
        return text
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    mended = unicodedata.normalize("NFC", ftfy.fix_encoding(whole))
    if re.search("[^\\W\\d_]\ufffd+[^\\W\\d_]", mended):
        return ""
    return mended.replace("\ufffd", "")


_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_UNSEEN = re.compile(  # soft hyphen, zero width, bidirectional controls, fillers, private use, tags
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\uffff"
    "\ue000-\uf8ff\U000e0000-\U0010ffff]"
)
_LOOSE_JOINERS = re.compile("(?<!\\S)[\u200c\u200d]+|[\u200c\u200d]+(?!\\S)|(?<=[\u200c\u200d])[\u200c\u200d]+")
_HEAPED_MARKS = re.compile("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{4,}")


def drop_unseen(text: str) -> str:
    """Take away what no reader sees: controls, zero width, bidirectional controls, private use, joiners that join nothing.

    Four and more Latin or Greek marks on one letter are decoration and go, too.
    """
    text = _CONTROLS.sub(" ", text)
    if text.isascii():
        return text
    return _HEAPED_MARKS.sub("", _LOOSE_JOINERS.sub("", _UNSEEN.sub("", text)))


# -- addresses and names of files ----------------------------------------------------------------------------------------

_URL = re.compile(r"(?:https?|ftp)://\S+|\bwww\.\S+|\bdata:[a-z]+/\S+", re.IGNORECASE)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_SHOP = re.compile(
    r"(?:\s+(?:online )?(?:at|on|from|via|by)\s+|\s*[-–—|:@]\s*)(?:[a-z\d-]{1,63}\.){1,3}(?:com|net|org|info|co|uk|eu|de|fr|it|es|nl|us)"
    r"\s*[.!]?$",
    re.IGNORECASE,
)


def drop_addresses(text: str) -> str:
    """Take web and mail addresses away, and the name of the shop or site at the end."""
    if "." not in text and ":" not in text:
        return text
    return _SHOP.sub("", _EMAIL.sub(" ", _URL.sub(" ", text)).strip())


_ENDING = re.compile(r"\.(?:jpe?g|png|gif|webp|bmp|tiff?|svg|heic|avif|jfif|psd)\s*$", re.IGNORECASE)
_NAMESPACE = re.compile(r"^(?:file|image|datei|fichier|archivo|bestand|immagine):\s*", re.IGNORECASE)
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_CODE = re.compile(r"\d{3,}|\d+px|\d+x\d+(?:px)?|[0-9a-f]*\d[0-9a-f]{7,}|(?=\w*\d)\w{12,}|zps\w+", re.IGNORECASE)


def spell_file_names(text: str) -> str:
    """Write the words of a file's name as words: numbers, sizes and codes go; fewer than two words are nothing.

    A text is a file's name if it has a picture's ending, or is one string with underscores or five parts.
    """
    named = _ENDING.sub("", text)
    one = " " not in named
    if named == text and not (one and ("_" in text or text.count("-") >= 4 or "%20" in text)):
        return text
    stem = unquote(_NAMESPACE.sub("", named), errors="replace").replace("\\", "/").rsplit("/", 1)[-1]
    parts = re.split(r"[\s_+]+" if " " in stem else r"[\s_+.\-–]+", stem)
    last = len(parts) - 1
    kept = [part for place, part in enumerate(parts) if part and not _is_code(part, place == last)]
    spoken = sum(len(_LETTER.findall(part)) > 1 or _is_ideograph(part) for part in kept)
    return " ".join(kept) if spoken > 1 or (spoken and any(map(_is_ideograph, kept))) else ""


def _is_code(part: str, last: bool) -> bool:
    if len(part) > 40 or (last and len(part) < 4 and part.isdigit()):
        return True
    return not _YEAR.fullmatch(part) and bool(_CODE.fullmatch(part))


def _is_ideograph(word: str) -> bool:
    return any(unicodedata.east_asian_width(character) == "W" for character in word)


_DIGIT = re.compile(r"\d")
_CAMERA = re.compile(
    r"(?<![^\W_])(?:_?img|dsc[fn]?|_?mg|cimg|pict|imag|hpim|mvimg|pxl|dji|gopr|sdc|p(?=\d{7}))(?:[ _-]?\d{3,}(?:[_-]\w+)*|[_-]\w*\d{3,}\w*)"
    r"|\b\d{8}[_-]\d{6}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
    r"|whatsapp image [\d-]+(?: at [\d.: ]+(?:am|pm)?)?"
    r"|(?:screenshot|screen shot|bildschirmfoto)[ _]\d{4}-[\d-]+(?: (?:at|um) [\d.: ]+(?:am|pm)?)?",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    r"(?:img|dsc[nf]?|pict?|p|image|photo|picture|foto|bild|imagen|immagine|screenshot|untitled|unnamed|unknown|slide|thumb(?:nail)?|fig(?:ure)?"
    r"|download|page|scan|file|no)[\s_\-#.]*\(?\d*\)?",
    re.IGNORECASE,
)


def drop_camera_names(text: str) -> str:
    """Take away the names that cameras, phones and programs give: IMG_1234, DSC-0042, P1010023, Screenshot 2020-01-01, photo 3."""
    if _DIGIT.search(text):
        text = _CAMERA.sub(" ", text)
    return "" if _NUMBERED.fullmatch(text.strip(_EDGES)) else text


# -- words that are said too often ---------------------------------------------------------------------------------------

_HASHTAG = re.compile(r"#(?=[^\W\d_])")
_HASHTAG_TAIL = re.compile(r"(?<=\S)(?:\s+#[^\W\d_]\w*){2,}\s*$")


def drop_hashtags(text: str) -> str:
    """Take a tail of hashtags away where words stand before it; of others the mark goes and the word stays."""
    if "#" not in text:
        return text
    before = _HASHTAG_TAIL.sub("", text)
    return _HASHTAG.sub("", text if before.lstrip().startswith("#") else before)


_SAME_SIGN = re.compile(r"([^\w\s])\1{3,}")
_SAME_LETTER = re.compile(r"([^\W\d_])\1{5,}")
_PARTS = re.compile(r"\s+[-–—|•·/]+\s+|\s*\|\s*")


def drop_repeats(text: str) -> str:
    """Say once what is said over and over: signs, letters, words (four times and more), parts between dashes, the whole.

    Three times the same word may be a name (Gorilla gorilla gorilla). A long list in which each word comes three times is
    nothing.
    """
    text = _SAME_LETTER.sub(r"\1\1\1", _SAME_SIGN.sub(r"\1", text))
    text = _once(text)
    words = text.split()
    folded = [word.casefold() for word in words]
    if len(words) >= 12 and len(set(folded)) * 3 < len(words):
        return ""
    for size in range(2, len(words) // 2 + 1):
        if len(words) % size == 0 and folded == folded[:size] * (len(words) // size):
            return " ".join(words[:size])
    kept, start = list[str](), 0
    for _, run in groupby(folded):
        length = len(list(run))
        kept += words[start : start + (1 if length > 3 else length)]
        start += length
    return text if len(kept) == len(words) else " ".join(kept)


def _once(text: str) -> str:
    parts = _PARTS.split(text)
    folded = [part.casefold().strip() for part in parts]
    return text if len(set(folded)) == len(parts) else " - ".join(dict(zip(folded, parts, strict=True)).values())


def drop_single_letters(text: str) -> str:
    """Take away a text of a single letter, unless a number follows (F-16) or it is of a script without capitals (猫)."""
    letters = [character for character in text if character.isalpha()]
    named = len(letters) != 1 or unicodedata.category(letters[0]) == "Lo" or re.search(r"[^\W\d_]-?\d", text)
    return text if named else ""


def shorten(text: str) -> str:
    """Return a text of at most LONGEST_CLEAN characters, cut between words where there is a blank."""
    if len(text) <= LONGEST_CLEAN:
        return text
    start = text[: LONGEST_CLEAN + 1].rpartition(" ")[0] or text[:LONGEST_CLEAN]
    return start.rstrip(_EDGES) or text[:LONGEST_CLEAN]


RULES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("markup", drop_markup),
    ("broken_characters", mend_characters),
    ("unseen", drop_unseen),
    ("address", drop_addresses),
    ("camera_name", drop_camera_names),
    ("file_name", spell_file_names),
    ("repeats", drop_repeats),
    ("boilerplate", drop_phrases),
    ("hashtags", drop_hashtags),
    ("no_letters", drop_single_letters),
)
REASONS = ("too_long", *dict.fromkeys(reason for reason, _ in RULES))

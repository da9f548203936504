"""Phrases that sites put beside every picture: what they are, and how they are taken off a text.

Belongs here: the phrases. Does not belong here: the other rules of cleaning (cleaning.py).

A phrase is taken off only where it cannot be about the picture: as the whole text, before or after a sign, or as words that
nobody says of a picture (royalty free stock photo). "Photo of a robin" is a sentence and stays.
"""

from __future__ import annotations

import re

WHOLE = frozenset(
    """
    advertisement|ad|avatar|author|background|background image|banner|cover|cover image|cover photo|default|default image|empty|enlarge
    enlarge image|favicon|featured image|file photo|full size|full size image|gallery|gallery image|header|header image|hero|hero image
    home|icon|illustration|image|image description|image not available|image not found|image placeholder|image unavailable|images|img
    in this photo|loading|loading image|logo|main image|main photo|more|n/a|next|nil|no alt|no alt text|no caption|no description
    no description available|no description provided|no image|no image available|no image description|no image found
    no photo|no photo available|no photo description available|no picture|no preview|no thumbnail|no title|none|not available|null
    photo|photo gallery|photos|pic|picture|pictures|pics|placeholder|placeholder image|post image|poster|preview|preview image|previous
    product image|product photo|profile|profile image|profile photo|profile picture|related image|see more|share|site logo|slide
    slideshow|stock image|stock photo|thumb|thumbnail|thumbnail image|title|undefined|unknown|unnamed|untitled|user avatar|view image
    view larger image|view full size|zoom|zoom in|bild|bilder|foto|fotos|kein bild|kein bild verfügbar|vorschaubild|startseite
    imagen|imagen no disponible|sin título|sin imagen|aucune description|aucune image|image sans titre|immagine|nessuna immagine
    afbeelding|geen afbeelding|sem imagem|imagem|foto de perfil|изображение|фото|нет фото|картинка|画像|写真|图片|照片|圖片|صورة
    """.strip()
    .replace("\n", "|")
    .replace("|    ", "|")
    .split("|")
)

_KINDS = r"(?:photo(?:graph|graphy|grafie)?|image|picture|vector(?:[ ]art)?|illustration|footage|clip[ ]?art|foto|graphic|video)s?(?!\w)"
_STOCK = (  # every piece is used with re.VERBOSE, so a blank stands in brackets
    rf"(?:(?:premium|free)\s+)?(?:royalty[- ]free(?:\s+stock)?|stock)[- ]?\s*{_KINDS}(?:\s+{_KINDS})?"
    r"|stock[- ]?foto(?:s|grafie)?|(?:photos?|fotos?)[ ]de[ ]stock|fotos?[ ]de[ ]archivo|lizenzfreie\w*\s+\w+"
    r"|стоков[ыо]\w*[ ](?:фото|изображени|векторн)\w*(?:[ ]изображени\w)?|图库(?:矢量图片|照片|图片)|ストック(?:フォト|写真)"
)
_SOLD = r"(?:(?:premium\s+)?royalty[- ]free|artist|code|image|id|no\.?|\#?\d)[^|]{0,90}"
_SITES = (
    r"(?:wiki(?:pedia|media(?:[ ]commons)?)|flickr(?:[ ]?[-–][ ]photo[ ]sharing!?)?|pinterest|getty[ ]images|alamy|shutterstock"
    r"|i[ ]?stock(?:photo)?|dreamstime|depositphotos|123rf|adobe[ ]stock|fotolia|bigstock(?:photo)?|pond5|unsplash|pexels|pixabay"
    r"|freepik|vecteezy|e[ ]?bay|etsy|amazon|aliexpress|alibaba|walmart|zazzle|redbubble|youtube|facebook|instagram|twitter|tumblr"
    r"|deviantart|imgur|reddit)"
)
_PICTURE = r"(?:image|photo|photograph|picture)"
_CLICK = (
    rf"(?:click|tap|press)\s+(?:here\s+|on\s+(?:the\s+)?{_PICTURE}\s+)?(?:to|for|on)\s+"
    r"(?:enlarge|zoom|view|see|open|full|larger|a\s+larger)"
)
_SIZES = r"(?:\s+(?:in|the|this|full|full-size|fullsize|size|sized|larger|large|version|view|of|image|photo|picture))*"
_BEFORE = re.compile(
    rf"""
    {_PICTURE}\s+may\s+contain\s*[:.]?\s* | may\s+be\s+an?\s+(?:{_PICTURE}|graphic|cartoon|illustration)\s+of\s+
    | (?:load|open)\s+(?:image|media)\s*\d*\s+in(?:to)?\s+(?:gallery\s+view(?:er)?|modal|lightbox)\s*[,:]?\s*
    | {_CLICK}\w*{_SIZES}\s*[:,.|–—-]?\s*
    | (?:enlarge|view|zoom(?:\s+in)?)\s+(?:full|full-size|larger|large|the|this)?\s*{_PICTURE}\s*(?:of|[:,|–—-])\s*
    | (?:copyright\s*)?(?:©|\(c\)\s)[^.:|–—-]{{0,60}}\s*[:|–—-]\s+ | (?:copyright\s*)?(?:©|\(c\)\s|copyright\s)[^.:|–—-]{{0,90}}$
    | {_PICTURE}\s+results?\s+for\s+ | (?:main\s+|thumbnail\s+)(?:{_PICTURE}|thumbnail)\s+(?:of|for)\s+
    | thumbnail\s+(?:of|for)\s+ | (?:{_PICTURE}|slide|figure)\s*\#?\d+\s*[:|–—-]\s* | (?:{_STOCK})\s*(?:of\s+|[:|–—-]\s*)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_AFTER = re.compile(
    rf"""
    [\s,.;:(|–—-]{{0,9}}(?<!\w)(?:{_STOCK})\)?(?:\s*[,.|:\#–—-]?\s*{_SOLD})?
    | \s*[–—|·-]\s*{_SITES}(?:\.\w{{2,3}}(?:\.\w\w)?)?
    | [\s,|–—-]{{1,9}}(?:gallery\s+|main\s+|product\s+|thumbnail\s+)?(?:{_PICTURE}|thumbnail|foto|bild|slide)s?\s*\#?\d+(?:\s+thumbnail)?
    | \s*[,|–—-]\s*(?:{_PICTURE}s?|thumbnail|fotos?|bild|bilder)
    | [\s,|–—-]{{1,9}}(?:video\s+)?thumbnail(?:\s+image)?
    | [\s,.;:|–—(-]{{0,9}}\b{_CLICK}[^|]{{0,60}}
    | \s*[(\[]\s*(?:{_PICTURE}|foto|credit)s?(?:\s+(?:by|courtesy|credit)\b|\s*[:©/])[^()\[\]]{{0,90}}[)\]]?
    | (?:^|\s?[.;,|–—-]\s){_PICTURE}s?\s+(?:by|credit|courtesy)\b[^|]{{0,90}}
    | [\s.,;|–—(-]{{1,9}}(?:©|\(c\)\s|copyright\b)[^|]{{0,90}}
    | [\s.,;|–—-]{{1,9}}to\s+(?:purchase|buy|order)\s+this\s+(?:{_PICTURE}|print)\b.{{0,200}}
    """,
    re.IGNORECASE | re.VERBOSE,
)
_HINTS = (  # what a text must have somewhere for a phrase to be sought in it, as a search of all of them is slow
    "image", "photo", "picture", "foto", "bild", "graph", "stock", "стоков", "图库", "ストック", "archivo", "royalty",
    "lizenz", "click", "tap", "press", "thumb", "media", "enlarge", "zoom", "view", "may be", "slide", "figure", "©",
    "(c)", "copyright", "credit", "purchase", "this print", "vector", "clip", "video", "footage", "wiki", "flickr",
    "pinterest", "alamy", "dreamstime", "123rf", "fotolia", "pond5", "unsplash", "pexels", "pixabay", "freepik",
    "vecteezy", "bay", "etsy", "amazon", "alibaba", "aliexpress", "walmart", "zazzle", "redbubble", "youtube",
    "facebook", "instagram", "twitter", "tumblr", "deviantart", "imgur", "reddit",
)  # fmt: skip


def drop_phrases(text: str) -> str:
    """Take away what sites say beside every picture: that it is one, that it can be clicked, sold or credited, and their name."""
    if text.strip(" .:!?-…[]()*_").casefold() in WHOLE:
        return ""
    lower = text.lower()
    if not any(hint in lower for hint in _HINTS):
        return text
    for _ in range(3):
        before, text = text, _drop_end(_drop_start(text))
        if text == before:
            break
    return "" if text.strip(" .:!?-…[]()*_").casefold() in WHOLE else text


def _drop_start(text: str) -> str:
    found = _BEFORE.match(text)
    return text[found.end() :] if found else text


def _drop_end(text: str) -> str:
    """Take the first phrase that reaches to the end of the text away with all that follows it."""
    for found in _AFTER.finditer(text):
        if not text[found.end() :].strip(" .!)]"):
            return text[: found.start()]
    return text

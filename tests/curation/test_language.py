"""Languages of texts: sure ones told, unsure ones left open, the same in every process."""

from __future__ import annotations

import pytest

from entitynet_assets.curation.language import UNDETERMINED, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("a red apple hanging on the branch of an old tree", "en"), ("ein roter Apfel am Ast eines alten Baumes", "de"),
        ("une pomme rouge sur la branche d'un vieil arbre", "fr"), ("una manzana roja en la rama de un árbol viejo", "es"),
        ("вид растений из рода яблоня семейства розовые", "ru"),
            ("شجرة تفاح في الحديقة القديمة", "ar"), ("תפוח אדום על ענף של עץ ישן", "he"),
        ("古い木の枝にある赤いりんご", "ja"), ("오래된 나무 가지에 달린 빨간 사과", "ko"), ("κόκκινο μήλο στο κλαδί", "el"),
        ("Hx", UNDETERMINED), ("F-16", UNDETERMINED), ("12", UNDETERMINED), ("", UNDETERMINED),
    ],
)  # fmt: skip
def test_a_sentence_tells_its_language_and_a_scrap_does_not(text: str, language: str) -> None:
    assert language_of(text) == language

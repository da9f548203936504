"""A folder answers like a site: search by class, a manifest of what is held out, pictures with validators, nothing outside."""

from __future__ import annotations

import json
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entitynet_assets.folder_site import held_out_part, normal_name, read_classes, tree_names
from entitynet_assets.hits.provider import provider
from entitynet_assets.studies.models import StudyError
from entitynet_assets.text import normal_url
from entitynet_assets.web import Request, Web


def paths(body: bytes, key: str) -> list[str]:
    return [unquote(urlsplit(one["image_url"]).path) for one in json.loads(body)[key]]


def found(site, text: str, **params) -> list[str]:
    return paths(site.answer("/search", {"q": text, **params}, {}).body, "results")


def test_all_folders_of_an_item_are_found_by_their_names_and_by_its_label(site_of):
    site = site_of(share=0)
    assert len(found(site, "red panda")) == 10
    assert set(found(site, "RED-panda")) == set(found(site, "red panda"))
    assert len(found(site, "Panda Head")) == 3
    assert len(found(site, "unknown")) == 4
    assert found(site, "panda") == found(site, "") == []


def test_pages_cover_the_answer_once(site_of):
    site = site_of(share=0)
    pages = [found(site, "red panda", page=str(page), per_page="4") for page in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [4, 4, 2, 0]
    assert [one for page in pages for one in page] == found(site, "red panda")
    total = site.answer("/search", {"q": "red panda", "per_page": "0"}, {}).body
    folder = provider("folder")
    assert (folder.total(total.decode()), folder.parse(total.decode())) == (10, [])
    hits = folder.parse(site.answer("/search", {"q": "red panda", "page": "2", "per_page": "4"}, {}).body.decode())
    assert [(hit.rank, hit.title, hit.alt_text, hit.licence) for hit in hits] == [
        (rank, None, None, None) for rank in range(5, 9)
    ]
    assert site.answer("/search", {"q": "x", "page": "one"}, {}).status == 400


def test_what_is_held_out_is_in_the_manifest_and_in_no_search(site_of):
    site = site_of(share=0.3)
    manifest = json.loads(site.answer("/manifest.json", {}, {}).body)["images"]
    assert len(manifest) == 3
    assert {(one["qid"], one["label"]) for one in manifest} == {("Q41960", "red panda")}
    assert {one["class"] for one in manifest} <= {"zoo/Red_Panda", "zoo/panda-head"}
    held = set(paths(site.answer("/manifest.json", {}, {}).body, "images"))
    assert not held & {one for text in ("red panda", "panda head", "unknown", "single") for one in found(site, text)}
    assert len(found(site, "red panda")) == 7
    assert len(found(site, "unknown")) == 4  # no item, so not in the manifest, so not held out


def test_without_a_table_a_folder_is_a_class_of_its_own(site_of):
    manifest = json.loads(site_of(share=0.5, table=False).answer("/manifest.json", {}, {}).body)["images"]
    count = {
        label: sum(one["label"] == label for one in manifest)
        for label in ("Red_Panda", "panda-head", "unknown", "single")
    }
    assert count == {"Red_Panda": 4, "panda-head": 2, "unknown": 2, "single": 0}


@given(st.sets(st.text(min_size=1), max_size=60), st.floats(0, 0.999))
def test_the_held_out_part_has_its_share_and_never_all(names, share):
    part = held_out_part(sorted(names), share)
    assert set(part) <= names
    assert part == held_out_part(sorted(names, reverse=True), share)
    assert len(part) < max(len(names), 1)
    if len(names) >= 2 and share > 0:
        assert len(part) >= 1
        assert abs(len(part) - share * len(names)) <= 1


@given(st.text())
def test_a_normal_name_stays_as_it_is(text):
    assert normal_name(normal_name(text)) == normal_name(text)


@pytest.fixture
def web(site_of):
    door = Web("operator@example.test")
    door.mount([site_of()])
    yield door
    door.close()


def picture(site_of) -> str:
    return json.loads(site_of().answer("/search", {"q": "red panda"}, {}).body)["results"][0]["image_url"]


def test_a_picture_comes_through_the_door_and_is_unchanged_the_second_time(web, site_of, tree):
    url = picture(site_of)
    assert normal_url(url) == url
    first = web.ask(Request(url, robots=True))
    assert first.ok
    assert first.body == tree.joinpath(unquote(url).split("/zoo/images/")[1]).read_bytes()
    known = {"If-None-Match": first.headers["etag"], "If-Modified-Since": first.headers["last-modified"]}
    for headers in (known, {"If-Modified-Since": known["If-Modified-Since"]}):
        again = web.ask(Request(url, headers=headers))
        assert (again.outcome, again.status, again.body) == ("unchanged", 304, b"")
    assert web.ask(
        Request(url, headers={"If-None-Match": '"other"', "If-Modified-Since": known["If-Modified-Since"]})
    ).ok
    assert web.ask(Request(url, headers={"If-Modified-Since": "long ago"})).ok


@pytest.mark.parametrize(
    ("url", "outcome"),
    [
        ("folder://animals/pictures/zoo/images/none/1.png", "not_found"),
        ("folder://animals/nothing", "not_found"),
        ("folder://animals/pictures/zoo/images/../../classes.tsv", "forbidden"),
        ("folder://animals/pictures/zoo/images/%2e%2e/%2e%2e/classes.tsv", "forbidden"),
        ("folder://animals/pictures//etc/passwd", "not_found"),
        ("folder://animals/pictures/zoo/images/Red_Panda/notes.txt", "not_found"),
        ("folder://plants/search", "bad_url"),
        ("folder:///search", "bad_url"),
    ],
)
def test_nothing_but_the_pictures_of_the_trees_is_served(web, url, outcome):
    answer = web.ask(Request(url))
    assert (answer.outcome, answer.body) == (outcome, b"")


def test_a_link_that_leads_out_of_the_tree_is_no_picture(site_of, tree, tmp_path):
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tree / "unknown" / "link.png").symlink_to(tmp_path / "secret.png")
    (tree / "unknown" / "inside.png").symlink_to(tree / "single" / "0 é%.png")
    assert {one.rsplit("/", 1)[1] for one in found(site_of(), "unknown")} == {f"{n} é%.png" for n in range(4)} | {
        "inside.png"
    }
    site = site_of()
    assert len(site.photographs) == 16
    (tree / "unknown" / "inside.png").unlink()
    (tree / "unknown" / "inside.png").symlink_to(tmp_path / "secret.png")  # after the site has looked
    assert site.answer("/pictures/zoo/images/unknown/inside.png", {}, {}).status == 403


def test_a_picture_that_is_gone_or_too_large_is_an_outcome(web, site_of, tree):
    url = picture(site_of)
    web.max_bytes = 10
    assert web.ask(Request(url)).outcome == "too_large"
    web.ask(Request(url))
    for file in tree.rglob("*.png"):
        file.unlink()
    assert web.ask(Request(url)).outcome == "not_found"


def test_addresses_hold_no_path_of_the_machine(tmp_path):
    assert tree_names(["a/b", "/home/me/photos", "../other/pictures"]) == {
        "a/b": "a/b", "photos": "/home/me/photos", "pictures": "../other/pictures",
    }  # fmt: skip
    with pytest.raises(StudyError, match=r"folders\.trees: found .*allowed: trees whose last parts differ"):
        tree_names(["/one/photos", "/two/photos"])


def test_a_table_of_classes_without_its_columns_is_told(tmp_path):
    (tmp_path / "classes.tsv").write_text("folder,qid\nx,Q1\n")
    with pytest.raises(StudyError, match=r"classes\.tsv has no column \['folder', 'label', 'qid'\]; needed"):
        read_classes(tmp_path / "classes.tsv")

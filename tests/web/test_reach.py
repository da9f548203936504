"""What a study and the environment open to the web door: the operator's own places, and nothing by default."""

from __future__ import annotations

import pytest

from entitynet_assets.resources import open_workplace, reach_of
from entitynet_assets.studies.models import StudyError, load_study, parse_study
from tests.fakes.rooms import changed


def test_endpoints_of_study_and_environment_are_trusted_and_no_host_is_open(monkeypatch):
    for name in ("ENTITYNET_PRIVATE_HOSTS", "ENTITYNET_ENDPOINT_SPARQL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ENTITYNET_ENDPOINT_API", "http://127.0.0.1:8099/w/api.php")
    monkeypatch.setenv("ENTITYNET_ENDPOINT_DUMP", "/data/dump.json.gz")
    reach = reach_of(load_study("live"))
    assert {"qlever.dev:443", "www.wikidata.org:443", "127.0.0.1:8099"} <= reach.trusted
    assert (reach.private_hosts, reach.ports, reach.reserved) == (frozenset(), {80, 443}, {})
    assert not reach.is_named("http://127.0.0.1:8099/w/api.php", picture=True)


def test_hosts_are_opened_by_name(monkeypatch):
    monkeypatch.setenv("ENTITYNET_PRIVATE_HOSTS", " 127.0.0.1, Pictures.LAN ,")
    study = changed(load_study("live"), web={"private_hosts": ["10.0.0.7"], "ports": [80, 8080]})
    reach = reach_of(study)
    assert reach.private_hosts == {"127.0.0.1", "pictures.lan", "10.0.0.7"}
    assert reach.fault("http://a.example:8080/x", picture=True) is None
    place = open_workplace(study)
    assert place.web.reach == reach
    place.close()


def test_reserved_names_lead_to_the_sample_alone(monkeypatch):
    monkeypatch.setenv("ENTITYNET_SAMPLE_PORT", "8123")
    assert reach_of(load_study("sample")).reserved == {".test": "127.0.0.1:8123"}
    assert reach_of(load_study("live")).reserved == {}


@pytest.mark.parametrize("ports", [[], [0], [70_000], ["http"]])
def test_ports_are_ports(ports):
    with pytest.raises(StudyError, match=r"web\.ports"):
        parse_study({**load_study("live").model_dump(exclude_none=True), "web": {"contact": "", "ports": ports}}, "t")

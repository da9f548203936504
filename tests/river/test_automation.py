"""The sensor's condition: nothing when nothing changed, and exactly the slice below a slice that did."""

from __future__ import annotations

import dagster as dg
import pytest

from entitynet_assets.definitions import build_definitions
from entitynet_assets.studies.models import load_study
from tests.river.conftest import River

pytestmark = pytest.mark.slow


def test_only_the_slice_below_a_change_is_requested(harvested_river: River) -> None:
    river = harvested_river
    definitions = build_definitions(load_study(str(river.study)))
    home = river.home / river.study.stem / "dagster"
    with dg.DagsterInstance.from_config(str(home)) as instance:
        first = dg.evaluate_automation_conditions(definitions, instance)
        again = dg.evaluate_automation_conditions(definitions, instance, cursor=first.cursor)
        assert first.total_requested == again.total_requested == 0
        tags = {"dagster/data_version": "other", "dagster/data_version_is_user_provided": "true"}
        key = dg.AssetKey("search_pages")
        instance.report_runless_asset_event(dg.AssetMaterialization(key, partition="001", tags=tags))
        instance.report_runless_asset_event(dg.AssetCheckEvaluation(key, "contract", passed=True, metadata={}))
        changed = dg.evaluate_automation_conditions(definitions, instance, cursor=again.cursor)
        requested = {
            result.key.to_user_string(): result.true_subset for result in changed.results if result.true_subset.size
        }
    assert changed.total_requested == 1
    assert set(requested) == {"hits"}
    assert requested["hits"].expensively_compute_partition_keys() == {"001"}

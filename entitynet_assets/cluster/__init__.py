"""The door to the machines that train: submit a job, find it again, wait for it, cancel it.

Belongs here: launching torchrun, job ids, the tail of a log, where jobs run (settings.py). Does not belong here: what a job computes
(entitynet_train), which job is wanted (training/, scores/, curation/).

A job is a folder: spec.json (in), job.json (id, written before waiting), log.txt, metrics.jsonl, result.json (last, its
presence means finished). So a restart loses nothing: finished -> report, running -> wait, lost -> submit again and resume.
"""

from __future__ import annotations

from entitynet_assets.cluster.answers import greeting as greeting
from entitynet_assets.cluster.bucket import COPIED
from entitynet_assets.cluster.cloud import CloudCluster, Divided
from entitynet_assets.cluster.folder import MAX_LOSSES as MAX_LOSSES
from entitynet_assets.cluster.interface import Cluster as Cluster
from entitynet_assets.cluster.interface import Job as Job
from entitynet_assets.cluster.interface import JobLost as JobLost
from entitynet_assets.cluster.interface import State as State
from entitynet_assets.cluster.interface import Watcher as Watcher
from entitynet_assets.cluster.local import LocalCluster as LocalCluster
from entitynet_assets.cluster.processes import started_at as started_at
from entitynet_assets.cluster.settings import ClusterSettings as ClusterSettings
from entitynet_assets.cluster.settings import ClusterSettingsError as ClusterSettingsError
from entitynet_assets.cluster.settings import cluster_settings as cluster_settings


def open_cluster(settings: ClusterSettings | None = None) -> Cluster:
    """Return the cluster of the settings, by default those of the file that ENTITYNET_CLUSTER names, else this machine."""
    settings = settings or cluster_settings()
    if settings.kind == "slurm":
        from entitynet_assets.cluster.slurm import SlurmCluster

        assert settings.slurm is not None, "settings of kind slurm have their table"
        return SlurmCluster(settings.slurm, settings.grace_s)
    if settings.kubernetes and settings.kind == "kubernetes":
        from entitynet_assets.cluster.kubernetes import KubernetesCluster

        return _divided(KubernetesCluster(settings.kubernetes, settings.grace_s), settings)
    if settings.aws_batch and settings.kind == "aws_batch":
        from entitynet_assets.cluster.aws_batch import AwsBatchCluster

        return _divided(AwsBatchCluster(settings.aws_batch, settings.grace_s), settings)
    return LocalCluster(settings.grace_s)


def _divided(cloud: CloudCluster, settings: ClusterSettings) -> Cluster:
    """Return a cloud; where files travel through a bucket, other jobs than those whose files can be listed run on this machine."""
    return Divided(cloud, COPIED, LocalCluster(settings.grace_s)) if cloud.bucket else cloud

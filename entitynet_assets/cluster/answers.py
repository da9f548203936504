"""Whether the cluster of the settings answers, for whoever checks a machine before a run.

Belongs here: which question each kind of cluster is asked. Does not belong here: how the answer is shown (doctor.py).
"""

from __future__ import annotations

from entitynet_assets.cluster.bucket import COPIED
from entitynet_assets.cluster.interface import JobLost
from entitynet_assets.cluster.settings import ClusterSettings, SlurmSettings


def greeting(settings: ClusterSettings) -> str:
    """Return who answers where jobs run, in one line. Raises JobLost with what to do if nobody does."""
    if settings.slurm and settings.kind == "slurm":
        return _slurm(settings.slurm)
    if settings.kubernetes and settings.kind == "kubernetes":
        from entitynet_assets.cluster.kubernetes import KubernetesCluster

        return KubernetesCluster(settings.kubernetes, 0).greeting() + _kept(settings.kubernetes.s3)
    if settings.aws_batch and settings.kind == "aws_batch":
        from entitynet_assets.cluster.aws_batch import AwsBatchCluster

        return AwsBatchCluster(settings.aws_batch, 0).greeting() + _kept(settings.aws_batch.s3)
    return "jobs run on this machine"


def _kept(s3: str) -> str:
    return f"; {', '.join(COPIED)} jobs go there through {s3}, all others run on this machine" if s3 else ""


def _slurm(settings: SlurmSettings) -> str:
    from entitynet_assets.cluster.slurm_commands import Refused, SlurmCommands, Unreachable

    where = f" by way of {settings.ssh.host}" if settings.ssh else ""
    try:
        partitions = SlurmCommands(settings).partitions()
    except (Refused, Unreachable) as error:
        raise JobLost(f"Slurm{where}: {error}; try `sinfo` there, or unset ENTITYNET_CLUSTER") from error
    if settings.partition and settings.partition not in partitions:
        known = ", ".join(partitions)
        raise JobLost(f"Slurm{where}: slurm.partition: found {settings.partition!r}; allowed: {known}")
    return f"Slurm answers{where}, partitions {', '.join(partitions)}"

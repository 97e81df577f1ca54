"""What each node of a model took: `coinfer.ProfilingInfo`."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum, IntEnum
from typing import ClassVar


class ProfilingInfo:
    """What one node took in a request's last inference (`InferRequest.profiling_info`).

    status      EXECUTED; OPTIMIZED_OUT: another node does its work, or it was known while planning;
                NOT_RUN: the inference did not come to it, or PERF_COUNT is off
    node_name   the node's name in the model
    node_type   its operator by OpenVINO's name, with those fused into it: "Convolution+Relu"
    exec_type   the implementation that took longest
    real_time   a timedelta: the time of all that was executed for it, 0 when not executed
    cpu_time    the same

    Thread safety: immutable.
    """

    class Status(IntEnum):
        """What became of a node in the last inference."""

        NOT_RUN = 0
        OPTIMIZED_OUT = 1
        EXECUTED = 2

        __str__ = Enum.__str__

    NOT_RUN: ClassVar[Status] = Status.NOT_RUN
    OPTIMIZED_OUT: ClassVar[Status] = Status.OPTIMIZED_OUT
    EXECUTED: ClassVar[Status] = Status.EXECUTED

    __slots__ = ("cpu_time", "exec_type", "node_name", "node_type", "real_time", "status")

    status: Status
    node_name: str
    node_type: str
    exec_type: str
    real_time: timedelta
    cpu_time: timedelta

    def __init__(self) -> None:
        self.status = self.NOT_RUN
        self.node_name = self.node_type = self.exec_type = ""
        self.real_time = self.cpu_time = timedelta(0)

    @classmethod
    def _of(
        cls, status: int, node: str, kind: str, implementation: str, real: float, cpu: float
    ) -> ProfilingInfo:
        made = cls()
        made.status = cls.Status(status)
        made.node_name, made.node_type, made.exec_type = node, kind, implementation
        made.real_time = timedelta(microseconds=real)
        made.cpu_time = timedelta(microseconds=cpu)
        return made

    def __repr__(self) -> str:
        return (
            f"<ProfilingInfo: {self.status.name} {self.node_type} '{self.node_name}' "
            f"{self.exec_type} {self.real_time / timedelta(milliseconds=1):.3f} ms>"
        )


ProfilingInfo.Status.__module__ = ProfilingInfo.__module__ = "coinfer"

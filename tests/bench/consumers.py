"""Processes that take deliveries from a queue: `python -m tests.bench.consumers NAME` prints what it took.

Each consumes what waits in its queue, in one process, until that is empty, and then prints one line of JSON: events and
messages, seconds from the first message to the last, and the processor time of the whole process between these.
*drain* takes and acknowledges with kombu, nothing else: what any consumer with that library pays. *dramatiq* and
*celery* run a task that does nothing. *product* records on PostgreSQL, commits, and nudges.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

from tests.bench.servers import QUEUE, QUORUM, URL

MESSAGES, DATABASE = "BENCH_MESSAGES", "BENCH_DATABASE_URL"
SILENT_SECONDS = 20.0


class Count:
    """Counts messages; `wait` prints what it took once all have come."""

    def __init__(self) -> None:
        self._all = int(os.environ[MESSAGES])
        self._count = self._events = 0
        self._lock, self._done = threading.Lock(), threading.Event()

    def took(self, events: int, messages: int = 1) -> None:
        with self._lock:
            self._count += messages
            self._events += events
            if self._count >= self._all and not self.is_over:
                self._taken = {"seconds": time.monotonic() - self._begun, "cpu": time.process_time() - self._cpu}
                self._done.set()

    def begin(self) -> None:
        self._begun, self._cpu = time.monotonic(), time.process_time()

    @property
    def is_over(self) -> bool:
        return self._done.is_set()

    def wait(self) -> None:
        if not self._done.wait(SILENT_SECONDS * 6):
            sys.exit(f"only {self._count} of {self._all} messages came")

    def tell(self) -> None:
        # Celery takes `sys.stdout` for its own.
        os.write(1, f"\n{json.dumps(self._taken | {'messages': self._count, 'events': self._events})}\n".encode())


def drain() -> None:
    """kombu's consumer with a prefetch of 100, each message acknowledged by itself."""
    from kombu.connection import Connection
    from kombu.entity import Queue
    from kombu.messaging import Consumer

    count = Count()

    def take(message: Any) -> None:
        message.ack()
        count.took(1)

    with Connection(os.environ[URL]) as connection:
        channel = connection.channel()
        channel.basic_qos(0, 100, False)
        queue = Queue(QUEUE, no_declare=True)
        with Consumer(channel, [queue], on_message=take, auto_declare=False):
            count.begin()
            while not count.is_over:
                connection.drain_events(timeout=SILENT_SECONDS)
        count.tell()


def dramatiq_broker(url: str, count: Count | None = None, *, confirms: bool = True) -> Any:
    """Its own broker with its own middleware, and quorum queues."""
    import dramatiq
    from dramatiq.brokers.rabbitmq import RabbitmqBroker

    class QuorumBroker(RabbitmqBroker):
        def _build_queue_arguments(self, queue_name: str) -> dict[str, Any]:
            return {**super()._build_queue_arguments(queue_name), **QUORUM}

    broker = QuorumBroker(url=url, confirm_delivery=confirms)
    dramatiq.set_broker(broker)

    def record(events: list[Any]) -> None:
        if count is not None:
            count.took(len(events))

    dramatiq.actor(record, queue_name=QUEUE, broker=broker)
    return broker


def dramatiq() -> None:
    """Its worker with its default of eight threads."""
    from dramatiq import Worker

    count = Count()
    worker = Worker(dramatiq_broker(os.environ[URL], count), worker_threads=8)
    count.begin()
    worker.start()
    count.wait()
    count.tell()
    os._exit(0)


def celery_app(url: str, count: Count | None = None, *, confirms: bool = True) -> Any:
    """Its defaults, without results, with a quorum queue and confirms."""
    from celery import Celery
    from kombu.entity import Exchange, Queue

    app = Celery("bench", broker=url)
    app.conf.update(
        task_ignore_result=True,
        task_default_queue=QUEUE,
        task_queues=[Queue(QUEUE, Exchange("bench"), QUEUE, queue_arguments=QUORUM)],
        broker_transport_options={"confirm_publish": confirms},
        worker_detect_quorum_queues=True,
        worker_prefetch_multiplier=100,
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,
    )

    def record(events: list[Any]) -> None:
        if count is not None:
            count.took(len(events))

    app.task(record, name="record")
    return app


def celery() -> None:
    """Its worker with the pool that has the least overhead, *solo*."""
    count = Count()
    app = celery_app(os.environ[URL], count)

    def end() -> None:
        count.wait()
        count.tell()
        os._exit(0)

    threading.Thread(target=end, daemon=True).start()
    count.begin()
    app.worker_main(["worker", "--pool=solo", "--loglevel=ERROR", "--without-gossip", "--without-mingle"])


def product() -> None:
    """The recorder's loop of a worker, on PostgreSQL, with its nudges on the broker."""
    from collections.abc import Sequence

    from config import logging as logs
    from config.ports import SystemClock
    from config.telemetry import Progress
    from consumers.inbound import InboundLoop
    from consumers.nudges import BrokerNudger
    from consumers.recorder import Recorder
    from schemas.envelopes import Delivery
    from storage.database import Database

    logs.configure("warning", "json")
    clock, count, stop = SystemClock(), Count(), threading.Event()

    class Counted(InboundLoop):
        def _store(self, deliveries: Sequence[Delivery]) -> None:
            super()._store(deliveries)
            count.took(sum(len(each.events) for each in deliveries), len(deliveries))

    database, url = Database(os.environ[DATABASE], clock), os.environ[URL]
    database.check()
    recorder = Recorder(database, clock, BrokerNudger(url))
    loop = Counted(url, stop, Progress(clock), clock, recorder, database)
    count.begin()
    thread = threading.Thread(target=loop.run)
    thread.start()
    count.wait()
    stop.set()
    thread.join()
    count.tell()


if __name__ == "__main__":
    {"drain": drain, "dramatiq": dramatiq, "celery": celery, "product": product}[sys.argv[1]]()

"""Every operation of the product that touches the storage, done once each, with all that a request or a run does."""

from bench.operations.customer import count_customer
from bench.operations.writing import count_writing
from bench.tally import Tally, repeatable


def count_all() -> Tally:
    """Count every operation."""
    tally = Tally()
    for scene in (count_writing, count_customer):
        with repeatable():
            scene(tally)
    return tally


def least_cpu(rounds: int) -> Tally:
    """Count every operation some times; of the CPU of each the least is kept, because the machine is shared."""
    tally = count_all()
    for _ in range(rounds - 1):
        for name, cpu_ms in count_all().cpu_ms.items():
            tally.cpu_ms[name] = min(tally.cpu_ms[name], cpu_ms)
    return tally

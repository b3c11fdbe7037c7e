"""Reading ahead in threads, and batches of bounded size."""

import collections
import concurrent.futures


def read_ahead(read, items, threads=1, ahead=1):
    """Reads items in background threads while the caller processes earlier ones.

    Args:
        read: function of an item.
        items: iterable.
        threads: int, number of threads.
        ahead: int, maximum number of items to read ahead; or a function without arguments that returns it.

    Yields:
        Results of `read`, in the order of the items.

    Example:
        >>> from aac_tf.utils import read_ahead
        >>> list(read_ahead(str.upper, ["a", "b"], threads=2, ahead=2))
        ['A', 'B']
    """
    readers, pending = concurrent.futures.ThreadPoolExecutor(threads), collections.deque()
    try:
        for item in items:
            pending.append(readers.submit(read, item))
            while len(pending) > (ahead() if callable(ahead) else ahead):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        readers.shutdown(cancel_futures=True)


def bounded_batches(items, length, most_length, most_items):
    """Groups items, in order, into batches whose size is bounded when they are padded to their longest item.

    Args:
        items: iterable.
        length: function from an item to its length.
        most_length: maximum total length of a batch, padding included; a longer item forms a batch of its own.
        most_items: int, maximum number of items in a batch.

    Yields:
        list of items.

    Example:
        >>> from aac_tf.utils import bounded_batches
        >>> list(bounded_batches(["a", "bb", "cccc", "d"], len, most_length=4, most_items=8))
        [['a', 'bb'], ['cccc'], ['d']]
    """
    batch, longest = [], 0
    for item in items:
        longest = max(longest, length(item))
        if batch and (len(batch) == most_items or longest * (len(batch) + 1) > most_length):
            yield batch
            batch, longest = [], length(item)
        batch.append(item)
    if batch:
        yield batch

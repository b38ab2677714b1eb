"""What composes frames beside their decoding has half of torch's threads."""

import threading

import torch

from emotivetalk_core.film import film


def in_a_thread(work) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_from_the_first_item_on_a_thread_has_half_and_in_the_end_all_are_there_again():
    before, seen = torch.get_num_threads(), []

    def items():
        seen.append(torch.get_num_threads())
        yield torch.zeros(1)

    try:
        torch.set_num_threads(4)
        with film._half_the_threads() as by_half:
            in_a_thread(lambda: [seen.append(torch.get_num_threads()) for _ in by_half(items())])
            assert seen == [4, 2] and torch.get_num_threads() == 4
        in_a_thread(lambda: seen.append(torch.get_num_threads()))
        assert seen == [4, 2, 4]
    finally:
        torch.set_num_threads(before)

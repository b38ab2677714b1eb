"""What composes frames beside their decoding has half of torch's threads."""

import threading

import torch

from emotivetalk_core.film import film


def test_a_thread_gets_half_and_all_are_there_again():
    before, seen = torch.get_num_threads(), []
    try:
        torch.set_num_threads(4)
        with film._half_the_threads() as halve:
            thread = threading.Thread(target=lambda: (halve(), seen.append(torch.get_num_threads())))
            thread.start()
            thread.join()
            assert seen == [2] and torch.get_num_threads() == 4
        later = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        later.start()
        later.join()
        assert seen == [2, 4]
    finally:
        torch.set_num_threads(before)

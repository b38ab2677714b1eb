"""One request, one film: what is asked for is resolved here, once, for the command line, for Python and for the nodes.

request.py says what may be asked for, script.py reads its texts, performance.py and photograph_performance.py direct
the networks, film.py puts their frames into the picture.
"""

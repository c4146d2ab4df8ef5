"""Measurements of ctxstore and of other tools, on homes and corpora that can be reproduced."""

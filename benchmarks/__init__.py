"""Measurements of ctxstore beside other tools, on homes and corpora that can be made again."""

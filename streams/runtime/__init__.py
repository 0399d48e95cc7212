"""What Leadstream runs on when nobody has given it a broker or a Redis: several ways to get one, behind one interface.

`handle` is what every way returns, `process` starts and ends servers, `broker` and `redis` choose among the providers.
"""

from tests.servers.in_front import confdir, in_front

__all__ = ["confdir", "in_front"]

from tests.engine.config.running import folder

__all__ = ["folder"]

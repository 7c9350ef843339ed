from typing import NoReturn
def prepare(): pass
def serve(listener, env, cwd) -> NoReturn: raise SystemExit(1)

from typing import NoReturn
def serve(listener, env, cwd) -> NoReturn: raise SystemExit(1)

"""What a cron job or a worker of a job queue does: it has no server, and no event loop."""

import sys

from microsockets import SyncEmitter, user

from .hello import Chat, Join


def main(broker: str) -> None:
    with SyncEmitter(broker) as emitter:
        emitter.broadcast(Chat.user_joined, Join(room="lobby", user="the night shift"), to="lobby")
        emitter.disconnect(Chat, user("42"), code=4001, reason="signed out")


if __name__ == "__main__":
    main(sys.argv[1])

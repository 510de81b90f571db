"""The socket of the playground: questions in, streamed answers out, several at a time.

Nothing of a chat is stored here. Whoever leaves stops the engines' work: each answer is a task of
the socket and ends with it.
"""

import asyncio
import json
from typing import Any

from django.conf import settings

from controlplane.gateway.core import routing_core
from controlplane.live.answering import Answering
from controlplane.live.chat_request import ChatRequest, chat_request
from controlplane.live.rights import language_of
from controlplane.live.sockets import BAD_FRAME, TOO_LARGE, GuardedSocket
from controlplane.wording.errors import error_text
from models_app.domain.errors import InvalidError, SlipwayError, TooManyError

ANSWERS = 4  # at a time: two columns, and one begun before the last has quite ended
PARTS_CHARACTERS = 1 << 20


class ChatSocket(GuardedSocket):
    """`/ws/chat/`. In: `ask` (request, lang), `stop` (id); a long request comes as `part`s first.

    Out, each with the answer's id: `line` while it waits, `started`, `text`, `thinking`, `call`,
    `rendered`, then `done` or `failed`, both with the figures.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._answers: dict[str, tuple[Answering, asyncio.Task[None]]] = {}
        self._parts = ""

    async def on_frame(self, frame: dict[str, Any]) -> None:
        """Begin an answer, or stop one."""
        kind = frame.get("type")
        if kind == "ask":
            await self._ask(frame)
        elif kind == "part":
            await self._take_part(frame.get("text"))
        elif kind == "stop":
            self._stop(frame.get("id"))
        else:
            await self.close(BAD_FRAME)

    async def _take_part(self, text: object) -> None:
        if not isinstance(text, str):
            await self.close(BAD_FRAME)
        elif len(self._parts) + len(text) > PARTS_CHARACTERS:
            await self.close(TOO_LARGE)
        else:
            self._parts += text

    async def _ask(self, frame: dict[str, Any]) -> None:
        content = frame.get("request", self._joined())
        self._parts = ""
        try:
            request = self._checked(content)
        except SlipwayError as error:
            await self._refuse(content, error)
            return
        answering = Answering(
            routing_core(),
            request,
            user_id=self.user.pk,
            language=language_of(frame.get("lang")),
            root=self._root(),
            send=self.send_frame,
        )
        task = self.spawn(answering.run())
        self._answers[request.id] = (answering, task)
        task.add_done_callback(lambda _: self._answers.pop(request.id, None))

    def _root(self) -> str:
        """Return this Slipway's address as the browser has it: the origin, checked at the door."""
        headers = dict(self.scope["headers"])
        return headers.get(b"origin", settings.PUBLIC_URL.encode()).decode("latin-1")

    def _joined(self) -> Any:
        try:
            return json.loads(self._parts)
        except (ValueError, RecursionError):
            return None

    def _checked(self, content: Any) -> ChatRequest:
        request = chat_request(content)
        if len(self._answers) >= ANSWERS:
            raise TooManyError(params={"wait_s": 1})
        if request.id in self._answers:
            raise InvalidError(fields={"id": "VALUE_INVALID"})
        return request

    async def _refuse(self, content: Any, error: SlipwayError) -> None:
        answer = content.get("id") if isinstance(content, dict) else None
        said = error_text(error)
        await self.send_frame(
            "failed",
            id=answer if isinstance(answer, str) else "",
            code=said.code,
            text=said.sentence,
            remedy=said.remedy,
            fields=said.fields,
            figures=None,
        )

    def _stop(self, answer: object) -> None:
        found = self._answers.get(answer) if isinstance(answer, str) else None
        if found:
            found[0].stopped = True
            found[1].cancel()

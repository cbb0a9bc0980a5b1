"""Promotes staff when they join: FastAPI answers, a background task calls Chat. Stores nothing.

uvicorn bot:app, with CHAT_URL in the environment.
"""

import os
from contextlib import asynccontextmanager

import httpx
from fastapi import BackgroundTasks, FastAPI
from pydantic import BaseModel

URL = (
    os.environ["CHAT_URL"]
    + "/v4/group_open_http_svc/modify_group_member_info?sdkappid=1400000000"
    + "&identifier=administrator&usersig=" + "x" * 150 + "&random=1&contenttype=json"
)


class Member(BaseModel):
    Member_Account: str


class Callback(BaseModel):
    CallbackCommand: str
    GroupId: str
    Type: str = ""
    NewMemberList: list[Member] = []


@asynccontextmanager
async def lifespan(app: FastAPI):
    # As many connections as callbacks may wait: a pool that runs out would lose calls.
    limits = httpx.Limits(max_connections=256, max_keepalive_connections=256)
    timeout = httpx.Timeout(60.0)
    async with httpx.AsyncClient(limits=limits, timeout=timeout, trust_env=False) as client:
        app.state.chat = client
        yield


app = FastAPI(lifespan=lifespan)


async def promote(group: str, member: str) -> None:
    body = {"GroupId": group, "Member_Account": member, "Role": "Admin"}
    answer = await app.state.chat.post(URL, json=body)
    answer.json()


@app.post("/callback")
async def callback(said: Callback, tasks: BackgroundTasks) -> dict:
    if said.CallbackCommand == "Group.CallbackAfterNewMemberJoin" and said.Type in (
        "Public", "Meeting", "Community", "AVChatRoom",
    ):
        for member in said.NewMemberList:
            if member.Member_Account.startswith("staff_"):
                tasks.add_task(promote, said.GroupId, member.Member_Account)
    return {"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0}

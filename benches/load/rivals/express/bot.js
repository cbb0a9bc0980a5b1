// Promotes staff when they join: Express answers, json-rules-engine decides, fetch calls Chat. Stores nothing.
// node bot.js PORT CHAT_URL
import express from "express";
import { Engine } from "json-rules-engine";

const [port, chat] = process.argv.slice(2);
const url =
  `${chat}/v4/group_open_http_svc/modify_group_member_info?sdkappid=1400000000` +
  `&identifier=administrator&usersig=${"x".repeat(150)}&random=1&contenttype=json`;

const engine = new Engine([], { allowUndefinedFacts: true });
engine.addOperator("startsWith", (fact, wanted) => typeof fact === "string" && fact.startsWith(wanted));
engine.addRule({
  conditions: {
    all: [
      { fact: "command", operator: "equal", value: "Group.CallbackAfterNewMemberJoin" },
      { fact: "type", operator: "in", value: ["Public", "Meeting", "Community", "AVChatRoom"] },
      { fact: "member", operator: "startsWith", value: "staff_" },
    ],
  },
  event: { type: "promote" },
});

async function decide(callback) {
  for (const { Member_Account: member } of callback.NewMemberList ?? []) {
    const { events } = await engine.run({
      command: callback.CallbackCommand,
      type: callback.Type,
      member,
    });
    if (!events.some((event) => event.type === "promote")) continue;
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ GroupId: callback.GroupId, Member_Account: member, Role: "Admin" }),
    });
    await answer.json();
  }
}

const app = express();
app.disable("x-powered-by");
app.disable("etag");
app.use(express.json());
app.post("/callback", (request, response) => {
  response.json({ ActionStatus: "OK", ErrorInfo: "", ErrorCode: 0 });
  decide(request.body).catch((error) => console.error(error));
});
app.listen(Number(port), "127.0.0.1");

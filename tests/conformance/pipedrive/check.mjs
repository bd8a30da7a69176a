// What a user of Pipedrive's own client would write: v2 by cursor, v1 by start, changes, the limit, a token that is over, a spoiled answer.
// The client types answers but checks none of them: the proof that a spoiled one does not pass is the reading of update_time.
import assert from "node:assert/strict";
import * as v1 from "pipedrive/v1";
import * as v2 from "pipedrive/v2";

const url = process.argv[2];
const base = process.env.SOURCES__PIPEDRIVE__BASE_URL;
const token = process.env.SOURCES__PIPEDRIVE__API_TOKEN;
const role = process.env.SOURCES__PIPEDRIVE__BUYING_ROLE_FIELD;

const old = (apiKey = token) => new v1.Configuration({ apiKey, basePath: `${base}/v1` });
const now = (apiKey = token) => new v2.Configuration({ apiKey, basePath: `${base}/api/v2` });

async function control(path, body, method = "POST") {
  const answer = await fetch(`${url}/_sandbox/${path}`, { method, body: body && JSON.stringify(body) });
  return answer.json();
}

async function pages(call, asked) {
  const rows = [];
  let cursor;
  let count = 0;
  do {
    const answer = await call({ ...asked, cursor });
    assert.equal(answer.success, true);
    rows.push(...answer.data);
    cursor = answer.additional_data.next_cursor;
    count += 1;
  } while (cursor);
  return [rows, count];
}

async function refused(call, status) {
  try {
    await call();
  } catch (error) {
    assert.equal(error.errorCode, status, JSON.stringify(error)); // the client throws the vendor's envelope
    return;
  }
  assert.fail(`no ${status}`);
}

const persons = new v2.PersonsApi(now());
const deals = new v2.DealsApi(now());
const [people, count] = await pages((asked) => persons.getPersons(asked), { limit: 7 });
assert.ok(people.length > 30 && count === Math.ceil(people.length / 7), `${people.length} persons on ${count} pages`);
assert.equal(new Set(people.map((p) => p.id)).size, people.length);
assert.ok(people.some((p) => p.custom_fields[role]) && people.some((p) => p.emails.length === 1));
const since = people.map((p) => p.update_time).sort()[Math.floor(people.length / 2)];
const [changed] = await pages((asked) => persons.getPersons(asked), { limit: 500, updated_since: since });
assert.equal(changed.length, people.filter((p) => p.update_time >= since).length);

const [sold] = await pages((asked) => deals.getDeals(asked), { limit: 4, sort_by: "update_time", sort_direction: "desc" });
const moments = sold.map((d) => d.update_time);
assert.deepEqual(moments, [...moments].sort().reverse());
const [stages] = await pages((asked) => new v2.StagesApi(now()).getStages(asked), {});
const [pipelines] = await pages((asked) => new v2.PipelinesApi(now()).getPipelines(asked), {});
const [companies] = await pages((asked) => new v2.OrganizationsApi(now()).getOrganizations(asked), { limit: 5 });
const [activities] = await pages((asked) => new v2.ActivitiesApi(now()).getActivities(asked), { limit: 5 });
assert.ok(pipelines.length === 1 && companies.length > 5 && activities.some((a) => a.type === "call" && a.done));

const oldDeals = new v1.DealsApi(old());
let moved = 0;
for (const deal of sold) {
  const changes = (await oldDeals.getDealChangelog({ id: deal.id })).data;
  const stage = changes.find((c) => c.field_key === "stage_id");
  if (stage) {
    assert.equal(Number(stage.new_value), deal.stage_id);
    moved += 1;
  }
  const guests = (await oldDeals.getDealParticipants({ id: deal.id })).data ?? [];
  assert.ok(guests.every((g) => people.some((p) => p.id === g.person_id.value)));
}
assert.ok(moved > 0 && stages.length === 4);
const users = (await new v1.UsersApi(old()).getUsers()).data;
const leads = await new v1.LeadsApi(old()).getLeads({ limit: 3 });
assert.ok(users.length === 3 && leads.data.length === 3 && leads.additional_data.pagination.more_items_in_collection);
const recents = await new v1.RecentsApi(old()).getRecents({ since_timestamp: "2026-11-01 00:00:00", items: "person", limit: 500 });
const deleted = recents.data.filter((r) => r.data.active_flag === false);
const merged = recents.data.filter((r) => r.data.merge_what_id);
assert.ok(deleted.length > 0 && merged.length > 0);

await control("faults", { route: "/pipedrive/api/v2/deals", kind: "rate_limit" });
await refused(() => deals.getDeals(), 429);
await refused(() => new v2.DealsApi(now("of-yesterday")).getDeals(), 401);
await refused(() => deals.getDeals({ limit: 501 }), 400);
await control("faults", { route: "/pipedrive/api/v2/deals", kind: "schema_change" });
assert.equal((await deals.getDeals()).data[0].update_time, undefined);
await control("faults", undefined, "DELETE");

const state = await control("state", undefined, "GET");
await control("clock", { as_of: "2026-11-16" });
const [before] = await pages((asked) => persons.getPersons(asked), { limit: 500 });
await control("clock", { as_of: state.clock });
const [after] = await pages((asked) => persons.getPersons(asked), { limit: 500 });
assert.ok(before.length < after.length && after.length === people.length);

process.stdout.write(
  `${people.length} persons on ${count} pages, ${sold.length} deals of which ${moved} moved, ${activities.length} activities; ` +
    `${deleted.length} deleted and ${merged.length} merged are told\n`,
);

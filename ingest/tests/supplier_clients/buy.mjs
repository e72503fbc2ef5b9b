// A client of the supplier as its users write them: node buy.mjs <address> <name> <password> wrapper|bearer
const [address, username, password, form] = process.argv.slice(2);

async function post(query, variables, token) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch(address, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await answer.json();
  if (errors) throw new Error(errors[0].message);
  return data;
}

const signIn = `{ authenticate { username_and_password(username: "${username}", password: "${password}") { token } } }`;
const { token } = (await post(signIn)).authenticate.username_and_password;

async function ask(kind, declared, fields, variables) {
  if (form === "bearer") return post(`${kind} ${declared ? `(${declared})` : ""} { ${fields} }`, variables, token);
  const all = ["$token: String!", declared].filter(Boolean).join(", ");
  return (await post(`${kind} (${all}) { as(token: $token) { ${fields} } }`, { ...variables, token })).as;
}

const wanted = { labgrown: true, availability: ["AVAILABLE"] };
const count = (await ask("query", "$q: DiamondQuery!", "diamonds_by_query_count(query: $q)", { q: wanted })).diamonds_by_query_count;
const page = await ask("query", "$q: DiamondQuery!",
  "diamonds_by_query(query: $q, offset: 0, limit: 5, order: { type: price, direction: ASC }) { items { id price diamond { id } } }",
  { q: wanted });
const item = page.diamonds_by_query.items[0];
const hold = (await ask("mutation", "$id: ID!", "create_hold(ProductId: $id, ProductType: Diamond) { id denied until }",
  { id: item.diamond.id })).create_hold;
const cancelled = (await ask("mutation", "$id: ID!", "cancel_hold(hold_id: $id) { id }", { id: hold.id })).cancel_hold;
const order = (await ask("mutation", "$items: [OrderItem!]!", "create_order(items: $items)",
  { items: [{ offerId: item.id, customer_order_number: "1", return_option: false }] })).create_order;
console.log(JSON.stringify({ count, denied: hold.denied, cancelled: cancelled.id === hold.id, order }));

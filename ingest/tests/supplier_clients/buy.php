<?php
// A client of the supplier as its users write them: php buy.php <address> <name> <password> wrapper|bearer
[, $address, $username, $password, $form] = $argv;

function post($query, $variables, $token = null) {
    global $address;
    $headers = ['Content-Type: application/json'];
    if ($token) $headers[] = "Authorization: Bearer $token";
    $body = json_encode(['query' => $query, 'variables' => $variables ?: null]);
    $context = stream_context_create(['http' => [
        'method' => 'POST', 'header' => $headers, 'content' => $body, 'ignore_errors' => true]]);
    $answer = json_decode(file_get_contents($address, false, $context), true);
    if (isset($answer['errors'])) { fwrite(STDERR, $answer['errors'][0]['message']); exit(1); }
    return $answer['data'];
}

$signIn = 'query SignIn($u: String!, $p: String!) {
  authenticate { username_and_password(username: $u, password: $p) { token } } }';
$token = post($signIn, ['u' => $username, 'p' => $password])['authenticate']['username_and_password']['token'];

function ask($kind, $fields, $name) {
    global $form, $token;
    return $form === 'bearer' ? post("$kind { $fields }", [], $token)[$name]
        : post("$kind { as(token: \"$token\") { $fields } }", [])['as'][$name];
}

$wanted = '{ labgrown: true, availability: [AVAILABLE] }';
$count = ask('query', "diamonds_by_query_count(query: $wanted)", 'diamonds_by_query_count');
$item = ask('query', "diamonds_by_query(query: $wanted, offset: 0, limit: 5) { items { id diamond { id } } }",
    'diamonds_by_query')['items'][0];
$hold = ask('mutation', "create_hold(ProductId: \"{$item['diamond']['id']}\", ProductType: Diamond) { id denied }",
    'create_hold');
$cancelled = ask('mutation', "cancel_hold(hold_id: \"{$hold['id']}\") { id }", 'cancel_hold');
$order = ask('mutation', "create_order(items: [{ offerId: \"{$item['id']}\" }])", 'create_order');
echo json_encode(['count' => $count, 'denied' => $hold['denied'], 'cancelled' => $cancelled['id'] === $hold['id'],
    'order' => $order]);

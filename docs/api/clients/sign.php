<?php
// Send a signed request: `php sign.php GET https://shop.example/api/v1/diamonds`, with a JSON body as third argument.
// Needs nothing but PHP 7.4, and DIAMONDHUB_KEY_ID (dh_…) and DIAMONDHUB_SIGNING_SECRET (dhs_…) in the environment.

/** The headers of a request, as lines; make them anew for every attempt, and send the URL exactly as it is here. */
function signed_headers(string $method, string $url, string $body, string $keyId, string $secret): array
{
    preg_match('~^(https?)://([^/]+)(/[^#]*)~', $url, $parts);
    [, $scheme, $host, $target] = $parts;
    $host = preg_replace($scheme === 'https' ? '/:443$/' : '/:80$/', '', strtolower($host));
    $headers = [];
    $covered = ['@method' => $method, '@authority' => $host, '@target-uri' => "$scheme://$host$target"];
    if ($body !== '') {
        $headers['content-type'] = 'application/json';
        $headers['content-digest'] = 'sha-256=:' . base64_encode(hash('sha256', $body, true)) . ':';
        $covered += $headers;
    }
    $names = implode(' ', array_map(fn($name) => "\"$name\"", array_keys($covered)));
    $nonce = bin2hex(random_bytes(16));
    $inputs = "($names);created=" . time() . ";nonce=\"$nonce\";keyid=\"$keyId\";alg=\"hmac-sha256\"";
    $covered['@signature-params'] = $inputs;
    $base = implode("\n", array_map(fn($name, $value) => "\"$name\": $value", array_keys($covered), $covered));
    $headers['signature-input'] = "sig=$inputs";
    $headers['signature'] = 'sig=:' . base64_encode(hash_hmac('sha256', $base, $secret, true)) . ':';
    return array_map(fn($name, $value) => "$name: $value", array_keys($headers), $headers);
}

/** Status and text of the answer to a signed request. */
function send(string $method, string $url, string $body, string $keyId, string $secret): array
{
    $headers = signed_headers($method, $url, $body, $keyId, $secret);
    $request = ['method' => $method, 'header' => $headers, 'content' => $body, 'ignore_errors' => true, 'timeout' => 30];
    $text = file_get_contents($url, false, stream_context_create(['http' => $request]));
    return [explode(' ', $http_response_header[0])[1], $text];
}

if (realpath($argv[0] ?? '') === __FILE__) {
    [$status, $text] = send($argv[1], $argv[2], $argv[3] ?? '', getenv('DIAMONDHUB_KEY_ID'), getenv('DIAMONDHUB_SIGNING_SECRET'));
    echo "$status\n$text\n";
}

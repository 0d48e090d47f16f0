# Varnish as a caching edge for streams that need a ticket (playAccess: token): varnish.vcl, and a ticket is checked here and taken out of the
# path, so that all viewers share one entry of the cache. Tested with Varnish 7.1; what it does is explained in docs/cdn.md.
#   varnishd -a :80 -p vcc_allow_inline_c=on -f /etc/varnish/sluice-tickets.vcl -s malloc,2g
# It has secrets: give it mode 0600. varnish.vcl is expected beside it as /etc/varnish/sluice.vcl.
vcl 4.1;

import std;

C{
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* playSecrets of the gateway, and its clockSkew. */
static const char *const sluice_secrets[] = { "REPLACE-THIS-BY-ONE-OF-playSecrets" };
static const long sluice_skew = 30;

/* SHA-256 of Varnish itself; its context is smaller than this. */
struct sluice_sha { uint64_t room[32]; };
void VSHA256_Init(struct sluice_sha *);
void VSHA256_Update(struct sluice_sha *, const void *, size_t);
void VSHA256_Final(unsigned char[32], struct sluice_sha *);

static void sluice_hash(const void *a, size_t a_length, const void *b, size_t b_length, unsigned char digest[32])
{
  struct sluice_sha sha;
  VSHA256_Init(&sha);
  VSHA256_Update(&sha, a, a_length);
  VSHA256_Update(&sha, b, b_length);
  VSHA256_Final(digest, &sha);
}

/* RFC 2104, with a block of 64 bytes. */
static void sluice_hmac(const char *secret, const char *text, size_t length, unsigned char mac[32])
{
  unsigned char key[64] = { 0 }, inner[64], outer[64], digest[32];
  size_t i, size = strlen(secret);
  if (size > sizeof key)
    sluice_hash(secret, size, "", 0, key);
  else
    memcpy(key, secret, size);
  for (i = 0; i < sizeof key; i++) {
    inner[i] = key[i] ^ 0x36;
    outer[i] = key[i] ^ 0x5c;
  }
  sluice_hash(inner, sizeof inner, text, length, digest);
  sluice_hash(outer, sizeof outer, digest, sizeof digest, mac);
}

/* Without padding, as many characters as are asked for. */
static void sluice_base64url(const unsigned char *bytes, size_t characters, char *text)
{
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  size_t i;
  for (i = 0; i < characters; i++) {
    unsigned bit = i * 6, byte = bit / 8;
    unsigned pair = (unsigned)bytes[byte] << 8 | bytes[byte + 1];
    text[i] = digits[pair >> (10 - bit % 8) & 63];
  }
}

/* Takes the same time for all texts. */
static int sluice_same(const char *a, const char *b, size_t length)
{
  unsigned char difference = 0;
  size_t i;
  for (i = 0; i < length; i++)
    difference |= (unsigned char)(a[i] ^ b[i]);
  return difference == 0;
}

/* ticket: ~1KEYID.EXPIRY.SID.KIND+MAC, of that form; stream: APP/NAME. */
static const char *sluice_verdict(const char *ticket, const char *stream)
{
  char signed_text[1024], id[4], code[22];
  unsigned char digest[33] = { 0 };
  size_t i, length = strlen(ticket), head = length - sizeof code;
  size_t scope = strlen(stream);
  const char *slash = strchr(stream, '/');
  int genuine = 0;
  if (length > 96 || head < 8 || scope > 600 || slash == NULL)
    return "denied";
  if (ticket[head - 1] == 'a')
    scope = (size_t)(slash - stream) + 1;
  memcpy(signed_text, ticket, head);
  signed_text[head] = '\n';
  memcpy(signed_text + head + 1, stream, scope);
  for (i = 0; i < sizeof sluice_secrets / sizeof *sluice_secrets; i++) {
    sluice_hash("sluice key id\n", 14, sluice_secrets[i], strlen(sluice_secrets[i]), digest);
    sluice_base64url(digest, sizeof id, id);
    if (memcmp(id, ticket + 2, sizeof id) != 0)
      continue;
    sluice_hmac(sluice_secrets[i], signed_text, head + 1 + scope, digest);
    /* A ticket holds 16 bytes of it, and the last character nothing else. */
    digest[16] = 0;
    sluice_base64url(digest, sizeof code, code);
    genuine |= sluice_same(code, ticket + head, sizeof code);
  }
  if (!genuine)
    return "denied";
  return time(NULL) > strtol(ticket + 7, NULL, 36) + sluice_skew ? "expired" : "good";
}

static const struct gethdr_s sluice_ticket = { HDR_REQ, "\020X-Sluice-Ticket:" };
static const struct gethdr_s sluice_stream = { HDR_REQ, "\020X-Sluice-Stream:" };
static const struct gethdr_s sluice_is = { HDR_REQ, "\014X-Sluice-Is:" };
}C

sub vcl_recv {
  if (req.restarts == 0) {
    # Viewers say none of these.
    unset req.http.X-Sluice-Edge;
    unset req.http.X-Sluice-Ticket;
    unset req.http.X-Sluice-Stream;
    unset req.http.X-Sluice-Sid;
    unset req.http.X-Sluice-Is;
    unset req.http.X-Sluice-Object;
    unset req.http.X-Sluice-Whole;
    unset req.http.X-Sluice-Checked;
    if (req.url ~ "^/(metrics|edge/)") {
      return (synth(404));
    }
    if (req.url !~ "^/hls/(~|%7[Ee])[^/?]*/[\w.-]+/[\w.-]+/[\w.-]+/[\w.-]+(\?|$)" || (req.method != "GET" && req.method != "HEAD")) {
      # Entries, pages and the rest: the gateway checks tokens and tickets itself, for each viewer.
      return (pass);
    }
    if (req.url ~ "^/hls/(~|%7[Ee])1[\w-]{4}\.[0-9a-z]{1,8}\.[\w-]{1,32}\.[0-9]{1,4}[sa][\w-]{22}/") {
      # With a maximum height of the picture: only the gateway knows how tall renditions are.
      return (pass);
    }
    if (req.url !~ "^/hls/(~|%7[Ee])1[\w-]{4}\.[0-9a-z]{1,8}\.[\w-]{1,32}\.[sa][\w-]{22}/") {
      return (synth(403, "denied"));
    }
    set req.http.X-Sluice-Ticket = "~" + regsub(req.url, "^/hls/(~|%7[Ee])([^/]*)/.*$", "\2");
    set req.http.X-Sluice-Stream = regsub(req.url, "^/hls/[^/]*/([^/]+/[^/]+)/.*$", "\1");
    set req.http.X-Sluice-Sid = regsub(req.http.X-Sluice-Ticket, "^[^.]*\.[^.]*\.([^.]*)\..*$", "\1");
    C{
      {
        const char *ticket = VRT_GetHdr(ctx, &sluice_ticket);
        const char *stream = VRT_GetHdr(ctx, &sluice_stream);
        VRT_SetHdr(ctx, &sluice_is, 0, TOSTRAND(sluice_verdict(ticket, stream)));
      }
    }C
    if (req.http.X-Sluice-Is != "good") {
      return (synth(403, req.http.X-Sluice-Is));
    }
    # Whether the session was ended before its time is asked first; the answer is in the cache for a second.
    set req.http.X-Sluice-Object = regsub(req.url, "^/hls/[^/]*/", "/hls/");
    set req.http.X-Sluice-Whole = req.url;
    set req.url = "/edge/ended-sessions/" + regsub(req.http.X-Sluice-Sid, "^.*(.)$", "\1");
    return (hash);
  }
  if (!req.http.X-Sluice-Checked) {
    # The list is too long for a header: the gateway looks at the ticket itself.
    return (pass);
  }
}

sub vcl_deliver {
  if (req.url ~ "^/edge/") {
    if (resp.http.X-Sluice-Ended == "*") {
      set req.url = req.http.X-Sluice-Whole;
      return (restart);
    }
    # Without an answer the request goes on: who watches is not sent away because the gateway is.
    if (std.strstr(resp.http.X-Sluice-Ended, "," + req.http.X-Sluice-Sid + ",")) {
      return (synth(403, "denied"));
    }
    set req.http.X-Sluice-Checked = "yes";
    set req.url = req.http.X-Sluice-Object;
    return (restart);
  }
}

sub vcl_synth {
  if (resp.status == 403 && (resp.reason == "denied" || resp.reason == "expired")) {
    set resp.http.Content-Type = "application/json; charset=utf-8";
    set resp.http.Cache-Control = "no-store";
    set resp.http.Access-Control-Allow-Origin = "*";
    set resp.body = {"{"code":"access.play-"} + resp.reason
      + {"","message":"this link does not allow to watch the stream, or its time is over" }"};
    set resp.reason = "Forbidden";
    return (deliver);
  }
}

sub vcl_backend_fetch {
  # One of edgeSecrets of the gateway.
  set bereq.http.X-Sluice-Edge = "REPLACE-THIS-BY-ONE-OF-edgeSecrets";
  if (bereq.http.X-Sluice-Checked) {
    set bereq.http.X-Sluice-Edge = bereq.http.X-Sluice-Edge + " checked";
  }
  unset bereq.http.X-Sluice-Ticket;
  unset bereq.http.X-Sluice-Stream;
  unset bereq.http.X-Sluice-Sid;
  unset bereq.http.X-Sluice-Is;
  unset bereq.http.X-Sluice-Object;
  unset bereq.http.X-Sluice-Whole;
  unset bereq.http.X-Sluice-Checked;
}

sub vcl_backend_response {
  if (bereq.url ~ "^/edge/") {
    # Not older than it says. Kept without use, so that it is there when the gateway is not.
    set beresp.grace = 0s;
    if (beresp.status != 200) {
      set beresp.uncacheable = true;
      set beresp.ttl = 1s;
    }
    return (deliver);
  }
}

include "/etc/varnish/sluice.vcl";

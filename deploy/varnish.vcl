# Varnish as a caching edge in front of Sluice; tested with Varnish 7.1. What it does is explained in docs/cdn.md.
#   varnishd -a :80 -f /etc/varnish/sluice.vcl -s malloc,2g
vcl 4.1;

backend origin {
  .host = "127.0.0.1";
  .port = "8080";
  # Longer than the three target durations that a blocked reload may take.
  .first_byte_timeout = 95s;
  .between_bytes_timeout = 35s;
}

sub vcl_recv {
  if (req.url ~ "^/metrics") {
    return (synth(404));
  }
  if (req.url !~ "^/(hls/|dash/.+/manifest\.mpd)" || (req.method != "GET" && req.method != "HEAD")) {
    return (pass);
  }
  # Media is public: nothing of the client may split the cache.
  unset req.http.Cookie;
  unset req.http.Authorization;
  # Of the query only the delivery directives stay, in one order.
  set req.http.X-Msn = "";
  set req.http.X-Part = "";
  set req.http.X-Skip = "";
  if (req.url ~ "[?&]_HLS_msn=") { set req.http.X-Msn = regsub(req.url, "^.*[?&](_HLS_msn=[^&]*).*$", "&\1"); }
  if (req.url ~ "[?&]_HLS_part=") { set req.http.X-Part = regsub(req.url, "^.*[?&](_HLS_part=[^&]*).*$", "&\1"); }
  if (req.url ~ "[?&]_HLS_skip=") { set req.http.X-Skip = regsub(req.url, "^.*[?&](_HLS_skip=[^&]*).*$", "&\1"); }
  set req.url = regsub(req.url, "\?.*$", "");
  if (req.http.X-Msn + req.http.X-Part + req.http.X-Skip != "") {
    set req.url = req.url + "?" + regsub(req.http.X-Msn + req.http.X-Part + req.http.X-Skip, "^&", "");
  }
  unset req.http.X-Msn;
  unset req.http.X-Part;
  unset req.http.X-Skip;
  return (hash);
}

sub vcl_hash {
  # Not the host: the origin has one tree.
  hash_data(req.url);
  return (lookup);
}

sub vcl_backend_response {
  if (bereq.url !~ "^/(hls/|dash/.+/manifest\.mpd)") {
    return (deliver);
  }
  unset beresp.http.Set-Cookie;
  # A stale playlist stops players. Who asks for one that has expired waits for the new one, together with the others.
  set beresp.grace = 0s;
  set beresp.keep = 10s;
  if (beresp.http.Cache-Control ~ "no-store" || beresp.ttl <= 0s) {
    # Hit-for-miss: the next requests for it do not queue behind each other, and the first good answer ends it.
    set beresp.uncacheable = true;
    set beresp.ttl = 1s;
  }
  return (deliver);
}

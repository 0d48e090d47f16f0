-- Checks the tickets of viewers in nginx, as the gateway would: for nginx-edge-tickets-lua.conf, beside sluice_edge.lua. docs/access.md has the
-- format of tickets, docs/cdn.md what this is for. Needs ngx_lua 0.10.16 or later with lua-resty-core.
--
-- The secrets are in a file of lines "play SECRET" (playSecrets of the gateway) and "edge SECRET" (one of its edgeSecrets). nginx reads it
-- before it gives up the rights of root, so only root needs to read it.

local bit = require "bit"
local ffi = require "ffi"
-- lua-resty-core may have declared the type already.
pcall(ffi.cdef, "typedef struct evp_md_st EVP_MD;")
pcall(ffi.cdef, "const EVP_MD *EVP_sha256(void);")
pcall(ffi.cdef, "unsigned char *SHA256(const unsigned char *d, size_t n, unsigned char *md);")
pcall(ffi.cdef, [[unsigned char *HMAC(const EVP_MD *type, const void *key, int key_length, const unsigned char *d, size_t n,
                                      unsigned char *md, unsigned int *md_length);]])

local FORMAT = [[^~1([\w-]{4})\.([0-9a-z]{1,8})\.([\w-]{1,32})\.([sa])([\w-]{22})$]]
local MAC_BYTES = 16
-- How often each worker asks for the sessions that were ended before their time.
local ASK_INTERVAL = 1
local REMINDER = 60
-- The list of the gateway is shorter.
local LONGEST_LIST = 64 * 1024 * 1024

local digest = ffi.new("unsigned char[32]")
local digest_length = ffi.new("unsigned int[1]")
local play_secrets, edge_secret, skew = {}, nil, 30
local ended, version = {}, nil
local reported = 0

local function base64url(bytes)
  return (ngx.encode_base64(bytes, true):gsub("+", "-"):gsub("/", "_"))
end

local function key_id(secret)
  local text = "sluice key id\n" .. secret
  ffi.C.SHA256(text, #text, digest)
  return base64url(ffi.string(digest, 32)):sub(1, 4)
end

local function mac_of(secret, text)
  ffi.C.HMAC(ffi.C.EVP_sha256(), secret, #secret, text, #text, digest, digest_length)
  return base64url(ffi.string(digest, MAC_BYTES))
end

-- Takes the same time for all texts of the same length.
local function same(a, b)
  local difference = 0
  for i = 1, #a do difference = bit.bor(difference, bit.bxor(a:byte(i), b:byte(i))) end
  return difference == 0
end

local function is_genuine(id, signed, mac)
  local genuine = false
  for _, key in ipairs(play_secrets) do
    if key.id == id and same(mac_of(key.secret, signed), mac) then genuine = true end
  end
  return genuine
end

-- Why a ticket is not good for a stream; nil if it is.
local function fault_of(ticket, app, name)
  local match = ngx.re.match(ticket, FORMAT, "jo")
  if not match then return "access.play-denied" end
  local id, expiry, sid, kind, mac = match[1], match[2], match[3], match[4], match[5]
  local scope = kind == "s" and app .. "/" .. name or app .. "/"
  if not is_genuine(id, "~1" .. id .. "." .. expiry .. "." .. sid .. "." .. kind .. "\n" .. scope, mac) then
    return "access.play-denied"
  end
  if ngx.time() > tonumber(expiry, 36) + skew then return "access.play-expired" end
  if ended[sid] then return "access.play-denied" end
end

local function refuse(code)
  ngx.status = ngx.HTTP_FORBIDDEN
  ngx.header["Content-Type"] = "application/json; charset=utf-8"
  ngx.header["Cache-Control"] = "no-store"
  ngx.header["Access-Control-Allow-Origin"] = "*"
  ngx.print('{"code":"', code, '","message":"this link does not allow to watch the stream, or its time is over"}')
  return ngx.exit(ngx.HTTP_OK)
end

local function read_answer(socket)
  local status = tonumber((socket:receive("*l") or ""):match("^HTTP/1%.1 (%d+)"))
  if not status then return nil, "no answer" end
  local length, tag = 0, nil
  while true do
    local line, fault = socket:receive("*l")
    if not line then return nil, fault end
    if line == "" then break end
    local header, value = line:match("^([%w-]+): *(.*)$")
    header = (header or ""):lower()
    if header == "content-length" then length = tonumber(value) or 0 end
    if header == "etag" then tag = value end
  end
  if status == 304 then return { status = status } end
  if status ~= 200 then return nil, "status " .. status end
  if length > LONGEST_LIST then return nil, "too long a list" end
  local body, fault = length == 0 and "" or socket:receive(length)
  if not body then return nil, fault end
  return { status = status, tag = tag, body = body }
end

local function ask(origin)
  local socket = ngx.socket.tcp()
  socket:settimeouts(2000, 2000, 5000)
  local connected, fault = socket:connect(origin.host, origin.port)
  if not connected then return nil, fault end
  if origin.tls then
    local shaken, why = socket:sslhandshake(nil, origin.tls, true)
    if not shaken then return nil, why end
  end
  local known = version and "If-None-Match: " .. version .. "\r\n" or ""
  socket:send("GET /edge/ended-sessions HTTP/1.1\r\nHost: " .. (origin.tls or origin.host) .. "\r\nX-Sluice-Edge: "
    .. edge_secret .. "\r\n" .. known .. "Connection: close\r\n\r\n")
  local answer, why = read_answer(socket)
  socket:close()
  return answer, why
end

-- What was learnt last stays in force while the gateway cannot be asked.
local function look(premature, origin)
  if premature then return end
  local answer, fault = ask(origin)
  if not answer then
    if ngx.now() - reported < REMINDER then return end
    reported = ngx.now()
    ngx.log(ngx.ERR, "sluice: the ended sessions cannot be asked for: ", fault)
    return
  end
  if answer.status == 304 then return end
  local sids = {}
  for sid in answer.body:gmatch("([%w_-]+) %d+\n") do sids[sid] = true end
  ended, version = sids, answer.tag
end

local tickets = {}

-- For init_by_lua. clock_skew: as in the gateway, in seconds.
function tickets.load(path, clock_skew)
  skew = clock_skew or skew
  for line in io.lines(path) do
    local kind, secret = line:match("^(%a+) +(%S+)%s*$")
    if kind == "play" then play_secrets[#play_secrets + 1] = { id = key_id(secret), secret = secret } end
    if kind == "edge" then edge_secret = secret end
  end
  if #play_secrets == 0 or not edge_secret then error("expected lines 'play SECRET' and 'edge SECRET' in " .. path) end
end

-- For init_worker_by_lua. origin: { host = ADDRESS, port = NUMBER, tls = NAME of its certificate, or nothing }
function tickets.follow(origin)
  local started, fault = ngx.timer.at(0, look, origin)
  if started then started, fault = ngx.timer.every(ASK_INTERVAL, look, origin) end
  if not started then ngx.log(ngx.ERR, "sluice: ended sessions are not followed: ", fault) end
end

-- For set_by_lua: what the gateway gets with requests whose tickets it has to check itself.
function tickets.edge_secret()
  return edge_secret
end

-- Rewrite phase: ends the request unless its ticket is good.
function tickets.check()
  local fault = fault_of(ngx.var.sluice_ticket, ngx.var.sluice_app, ngx.var.sluice_name)
  if fault then return refuse(fault) end
  ngx.var.sluice_word = edge_secret .. " checked"
end

return tickets

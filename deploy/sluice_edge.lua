-- Lets one request of many fetch an object for nginx and wakes the others the moment it is in the cache, because nginx's own
-- proxy_cache_lock looks only twice a second. Used by nginx-edge-lua.conf; needs ngx_lua 0.10.16 or later with lua-resty-core.
--
-- A flight is one fetch of one cache key. Its leader makes it in a subrequest of its own request; the others wait for it:
-- those of the same worker on a semaphore, those of other workers through the shared dictionary, which holds by key
--   "<pid>:<n>"  the flight that is under way and the worker that leads it
--   "stored"     the object is in the cache: nobody needs to wait or lead
-- and by "refused <flight>" an answer that is not cacheable, for those who were waiting for it and for nobody else.

local semaphore = require "ngx.semaphore"
local ffi = require "ffi"
pcall(ffi.cdef, "int kill(int pid, int sig);")

local shared = ngx.shared.sluice_flights

-- Seconds. Above proxy_read_timeout, which ends a flight before: this is only for what nobody thought of.
local PATIENCE = 40
-- How often a worker looks whether a flight of another worker has ended.
local POLL_INTERVAL = 0.005
-- How often it looks whether that worker still runs.
local LIFE_INTERVAL = 1
-- For how long "stored" is believed at most: nginx may drop a file earlier than it expires.
local LONGEST_TRUST = 60

-- Flights by key that someone of this worker leads or waits for; of them those that other workers lead.
local flights, foreign = {}, {}
local polling = false
local launched = 0

local function wake(key, flight)
  flights[key], foreign[key] = nil, nil
  flight.over = true
  if flight.waiting > 0 then flight.semaphore:post(flight.waiting) end
end

local function flight_of(key, id)
  local flight = { id = id, waiting = 0, semaphore = semaphore.new() }
  flights[key] = flight
  return flight
end

-- The end of a flight of this worker; without an answer when its leader was lost, then those who waited choose another.
local function land(key, flight)
  if flight.stored then
    shared:set(key, "stored", flight.trust)
  else
    if flight.refused then shared:set("refused " .. flight.id, flight.refused, LIFE_INTERVAL * 2) end
    if shared:get(key) == flight.id then shared:delete(key) end
  end
  shared:incr("landings", 1, 0)
  wake(key, flight)
end

local function look_at(key, flight, is_time_to_look_for_life)
  local state = shared:get(key)
  if state == flight.id then
    -- A worker that was killed cannot say that its flights are over.
    if not is_time_to_look_for_life or ffi.C.kill(tonumber(state:match("^%d+")), 0) == 0 then return end
    shared:delete(key)
  end
  flight.stored = state == "stored"
  flight.refused = shared:get("refused " .. flight.id)
  wake(key, flight)
end

-- One loop in each worker however many keys and viewers wait, and only while some do.
local function poll()
  local landings, looked = nil, ngx.now()
  while next(foreign) do
    local now = ngx.now()
    local is_time = now - looked >= LIFE_INTERVAL
    local count = shared:get("landings") or 0
    if count ~= landings or is_time then
      landings = count
      if is_time then looked = now end
      for key, flight in pairs(foreign) do look_at(key, flight, is_time) end
    end
    ngx.sleep(POLL_INTERVAL)
  end
  polling = false
end

local function follow_foreign(key, id)
  -- A worker that is about to end has no timers: its last requests wait as nginx lets them.
  polling = polling or ngx.timer.at(0, poll) ~= nil
  if not polling then return nil end
  local flight = flight_of(key, id)
  foreign[key] = flight
  return flight
end

local function launch(key)
  launched = launched + 1
  local id = ngx.worker.pid() .. ":" .. launched
  -- Atomic over all workers. It fails when another was faster; a full dictionary forgets what was used least.
  if not shared:add(key, id, PATIENCE) then return false end
  flight_of(key, id)
  ngx.var.sluice_flight = id
  return true
end

local function refuse(refused)
  local status, retry = refused:match("^(%d+) (.*)$")
  ngx.status = tonumber(status)
  ngx.header["Content-Type"] = "text/plain; charset=utf-8"
  ngx.header["Cache-Control"] = "no-store"
  ngx.header["Access-Control-Allow-Origin"] = "*"
  if retry ~= "" then ngx.header["Retry-After"] = retry end
  ngx.print("the origin answered ", status, "\n")
  return ngx.exit(ngx.HTTP_OK)
end

-- Goes on with the answer: from the cache, or each for himself if it is good but not to be stored.
local function go_on(flight)
  if flight.refused then return refuse(flight.refused) end
  if not flight.stored then ngx.var.sluice_zone = "off" end
end

-- Seconds that a shared cache may keep an answer, as nginx reads it; 0: not at all.
local function lifetime(cache_control)
  local directives = (cache_control or ""):lower()
  if directives:find("no-store", 1, true) or directives:find("no-cache", 1, true) or directives:find("private", 1, true) then
    return 0
  end
  return tonumber(directives:match("s%-maxage=(%d+)") or directives:match("max%-age=(%d+)")) or 0
end

local edge = {}

-- Rewrite phase: returns when the object is in the cache, leaves to @sluice_lead when this request has to fetch it.
function edge.join()
  local method = ngx.req.get_method()
  if method ~= "GET" and method ~= "HEAD" then return end
  local key = ngx.var.sluice_key
  local deadline = ngx.now() + PATIENCE
  while true do
    local flight = flights[key]
    if not flight then
      local state = shared:get(key)
      if state == "stored" then return end
      if not state then
        if launch(key) then return ngx.exec("@sluice_lead") end
        state = shared:get(key)
      end
      if not state or state == "stored" then return end
      flight = follow_foreign(key, state)
      if not flight then return end
    end
    flight.waiting = flight.waiting + 1
    local woken = flight.semaphore:wait(math.max(0, deadline - ngx.now()))
    flight.waiting = flight.waiting - 1
    if not woken then return refuse("504 ") end
    if flight.stored or flight.refused or flight.answered then return go_on(flight) end
  end
end

-- Header filter of the leader's subrequest: notes what the origin said.
function edge.answered()
  local flight = flights[ngx.var.sluice_key]
  if not flight or flight.id ~= ngx.var.sluice_flight then return end
  local seconds = lifetime(ngx.header["Cache-Control"])
  local cached = ngx.var.upstream_cache_status
  ngx.var.sluice_cache = cached
  flight.answered = true
  flight.stored = seconds > 0
  -- What was in the cache already has an unknown part of its lifetime left: a short one is asked for again at once.
  -- Half a second less than nginx, which counts whole ones from when the answer began.
  local is_old = cached == "HIT" and seconds <= LONGEST_TRUST
  flight.trust = is_old and 0.001 or math.min(seconds - 0.5, LONGEST_TRUST)
  if not flight.stored and ngx.status >= 400 then
    flight.refused = ngx.status .. " " .. (ngx.header["Retry-After"] or "")
  end
  -- auth_request lets the request go on after any 2xx; the viewer gets the status from the cache, or from refuse().
  if ngx.status >= 300 then ngx.status = ngx.HTTP_NO_CONTENT end
end

-- Access phase of the leader, after the subrequest: the object is in the cache, or never will be.
function edge.landed()
  local key = ngx.var.sluice_key
  local flight = flights[key]
  if not flight or flight.id ~= ngx.var.sluice_flight then return end
  land(key, flight)
  return go_on(flight)
end

-- Log phase of the leader: nothing is left to do, except when the request ended before landed(), because the viewer left or
-- the origin broke off in the middle of the answer. Which of the two is not known here: the next leader finds out.
function edge.left()
  local key = ngx.var.sluice_key
  local flight = flights[key]
  if not flight or flight.id ~= ngx.var.sluice_flight then return end
  flight.answered, flight.stored, flight.refused = false, false, nil
  land(key, flight)
end

return edge

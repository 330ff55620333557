-- What wrk asks for: one path in which each {user} and {item} becomes an id, drawn uniformly.
-- Arguments after `--`: the path, how many users, how many items, the seed.
-- At the end it prints what happened as one line of JSON.

local pieces, patterns, sizes = {}, {}, {}
local drawn = { ["{user}"] = "u%08d", ["{item}"] = "item-%07d" }
local format, random, concat = string.format, math.random, table.concat

function init(args)
  local path, counts = args[1], { ["{user}"] = tonumber(args[2]), ["{item}"] = tonumber(args[3]) }
  math.randomseed(tonumber(args[4]))
  local whole, at = wrk.format("GET", path), 1
  while true do
    local first, last = whole:find("{%l+}", at)
    pieces[#pieces + 1] = whole:sub(at, (first or 0) - 1)
    if not first then break end
    local name = whole:sub(first, last)
    pieces[#pieces + 1] = ""
    patterns[#pieces], sizes[#pieces] = drawn[name], counts[name]
    at = last + 1
  end
end

function request()
  for at = 2, #pieces, 2 do
    pieces[at] = format(patterns[at], random(0, sizes[at] - 1))
  end
  return concat(pieces)
end

function done(summary)
  local errors = summary.errors
  io.write(format(
    '{"requests":%d,"us":%d,"not_2xx":%d,"failed":%d}\n',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end

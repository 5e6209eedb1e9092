--- Times as people read them.
local M = {}

--- Seconds since the epoch of an RFC 3339 time in UTC; nil for another text.
---@param stamp string
---@return integer?
function M.epoch(stamp)
  local y, mo, d, h, mi, s = stamp:match('^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)')
  if not y then
    return
  end
  local as_local = os.time({ year = y, month = mo, day = d, hour = h, min = mi, sec = s, isdst = false })
  local utc = os.date('!*t', as_local)
  utc.isdst = false
  return as_local + os.difftime(as_local, os.time(utc))
end

--- "10:42"; with the day where that is not today: "yesterday 18:03", "Mon 24 Nov 18:03".
---@param stamp string RFC 3339, UTC
---@return string
function M.clock(stamp)
  local epoch = M.epoch(stamp)
  if not epoch then
    return stamp
  end
  local day, today = os.date('%Y-%m-%d', epoch), os.date('%Y-%m-%d')
  local clock = os.date('%H:%M', epoch)
  if day == today then
    return clock
  elseif day == os.date('%Y-%m-%d', os.time() - 86400) then
    return 'yesterday ' .. clock
  end
  return os.date('%a %d %b ', epoch) .. clock
end

--- "4 s", "2 min 5 s".
---@param seconds integer
---@return string
function M.duration(seconds)
  if seconds < 60 then
    return ('%d s'):format(seconds)
  end
  return ('%d min %d s'):format(math.floor(seconds / 60), seconds % 60)
end

--- What a usage cost, "at least $0.01" where the cost of some calls is not known; nil where none is known.
---@param usage table
---@return string?
function M.spent(usage)
  local known = usage.knownCostUsd or 0
  return M.money(usage.costUsd, usage.estimated)
    or (known > 0 and 'at least ' .. M.money(known, usage.estimated) or nil)
end

--- "$0.01", "$1.20", "under $0.01", "about $0.02" where a part of it is an estimate; nil where it is not known.
---@param dollars? number
---@param estimated? boolean
---@return string?
function M.money(dollars, estimated)
  if not dollars then
    return
  end
  local text = dollars > 0 and dollars < 0.001 and '<$0.001' or (('$%.3f'):format(dollars):gsub('(%.%d%d)0$', '%1'))
  return estimated and dollars > 0 and ('about ' .. text) or text
end

--- "1M", "200k", "8.1k", "120".
---@param count integer
---@return string
function M.count(count)
  for _, unit in ipairs({ { 1e6, 'M' }, { 1e3, 'k' } }) do
    if count >= unit[1] then
      return (('%.1f'):format(count / unit[1]):gsub('%.0$', '')) .. unit[2]
    end
  end
  return tostring(count)
end

return M

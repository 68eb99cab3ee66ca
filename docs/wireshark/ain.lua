-- Wireshark dissector for AIN: shows of each IPv6 address in the fabric whose it is: tenant and network, the IPv4 address in it
-- (or the host number of an IPv6 host), and the home. Also of the packets in tunnels and in ICMPv6 errors, and of tunnels' keys.
--
--   ain check --wireshark fabric.yaml > ain-fabric.lua
--   AIN_FABRIC=ain-fabric.lua wireshark -X lua_script:ain.lua capture.pcapng
--
-- or put both files into Wireshark's plugin folder (Help > About > Folders, "Personal Lua Plugins"). ain-fabric.lua has names and
-- prefixes, and not the fabric's key.
--
-- Filters: ainet.network == "blue/prod", ainet.src.ipv4 == 10.0.0.2, ainet.tunnel.network, ainet.tenant == 1 ("ain" is another protocol)

local folder = (debug.getinfo(1, "S").source:match("^@(.*[/\\])")) or ""
local path = os.getenv("AIN_FABRIC") or (folder .. "ain-fabric.lua")
local loaded, fabric = pcall(dofile, path)
if not loaded or type(fabric) ~= "table" then
  fabric = { name = "?", prefixes = {}, tenantBits = 22, homes = {}, networks = {} }
  print("ain.lua: " .. path .. " cannot be read: make it with ain check --wireshark, or name it by AIN_FABRIC")
end

local ain = Proto("ainet", "AIN fabric " .. fabric.name)
local f = {
  network = ProtoField.string("ainet.network", "Network"),
  tenant = ProtoField.uint32("ainet.tenant", "Tenant id"),
  tunnel = ProtoField.string("ainet.tunnel.network", "Tunnel of network"),
}
for _, side in ipairs({ "src", "dst" }) do
  local name = side == "src" and "Source" or "Destination"
  f[side] = ProtoField.string("ainet." .. side, name)
  f[side .. "network"] = ProtoField.string("ainet." .. side .. ".network", name .. " network")
  f[side .. "ipv4"] = ProtoField.ipv4("ainet." .. side .. ".ipv4", name .. " IPv4 address")
  f[side .. "host"] = ProtoField.uint32("ainet." .. side .. ".host", name .. " host number", base.DEC)
  f[side .. "home"] = ProtoField.string("ainet." .. side .. ".home", name .. " home")
end
local all = {}
for _, field in pairs(f) do
  all[#all + 1] = field
end
ain.fields = all

local sources = Field.new("ipv6.src")
local destinations = Field.new("ipv6.dst")
local keys = Field.new("gre.key")

-- Octets of an IPv6 prefix in hexadecimal digits, and how many of its bits count.
local function covers(prefix, range)
  local whole = math.floor(prefix.length / 8)
  local digits = tostring(range:bytes()):lower()
  if digits:sub(1, whole * 2) ~= prefix.octets:sub(1, whole * 2) then
    return false
  end
  local rest = prefix.length % 8
  if rest == 0 then
    return true
  end
  local unit = 2 ^ (8 - rest)
  local a = tonumber(digits:sub(whole * 2 + 1, whole * 2 + 2), 16)
  local b = tonumber(prefix.octets:sub(whole * 2 + 1, whole * 2 + 2), 16)
  return math.floor(a / unit) == math.floor(b / unit)
end

local function isInFabric(range)
  for _, prefix in ipairs(fabric.prefixes) do
    if covers(prefix, range) then
      return true
    end
  end
  return false
end

local function homeOf(range)
  for index, home in ipairs(fabric.homes) do
    if covers(home, range) then
      return string.format("%d%s", index - 1, home.hypervisor and (" (" .. home.hypervisor .. ")") or "")
    end
  end
  return nil
end

local function networkOf(tags)
  if tags == 0 then
    return "infrastructure"
  end
  if tags == 1 then
    return "outside"
  end
  return fabric.networks[tags] or string.format("tags %08x", tags)
end

local function tenantOf(tags)
  return math.floor(tags / 2 ^ (32 - fabric.tenantBits))
end

-- One end of a packet; nil: it is none of the fabric's.
local function describe(tree, side, range)
  if not isInFabric(range) then
    return nil
  end
  local tags = range(8, 4):uint()
  local host = range(12, 4):uint()
  local network = networkOf(tags)
  -- No IPv4 host has an address in 0.0.0.0/8: those are IPv6 hosts' numbers.
  local isIpv6 = host < 0x01000000
  local who = tags == 0 and tostring(range:ipv6()) or (isIpv6 and ("host " .. host) or tostring(range(12, 4):ipv4()))
  local text = network .. " " .. who
  local item = tree:add(f[side], range, text)
  item:add(f[side .. "network"], range(8, 4), network)
  item:add(f.network, range(8, 4), network)
  if tags > 1 then
    item:add(f.tenant, range(8, 4), tenantOf(tags))
  end
  if tags ~= 0 and isIpv6 then
    item:add(f[side .. "host"], range(12, 4))
  elseif tags ~= 0 then
    item:add(f[side .. "ipv4"], range(12, 4))
  end
  local home = homeOf(range)
  if home then
    item:add(f[side .. "home"], range(0, 8), home)
  end
  return text
end

function ain.dissector(buffer, pinfo, root)
  local from, to = { sources() }, { destinations() }
  local tree
  local innermost
  for i = 1, math.min(#from, #to) do
    if isInFabric(from[i].range) or isInFabric(to[i].range) then
      tree = tree or root:add(ain, buffer(), "AIN fabric " .. fabric.name)
      local a = describe(tree, "src", from[i].range)
      local b = describe(tree, "dst", to[i].range)
      local text = (a or tostring(from[i].range:ipv6())) .. " > " .. (b or tostring(to[i].range:ipv6()))
      tree:append_text((i == 1 and ": " or " | ") .. text)
      innermost = text
    end
  end
  if tree then
    for _, key in ipairs({ keys() }) do
      tree:add(f.tunnel, key.range, networkOf(key.range:uint()))
    end
    if #from > 1 and innermost then
      pinfo.cols.info:append(" [" .. innermost .. "]")
    end
  end
end

register_postdissector(ain)

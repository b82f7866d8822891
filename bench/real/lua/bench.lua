-- lua: shop|maths SIZE; two kinds of work, each printing what it computed
local kind, size = arg[1], tonumber(arg[2])
local state = 42
local function draw(below)
  state = (state * 1103515245 + 12345) % 2147483648
  return state // 65536 % below
end

local function shop(n)
  local Item = {}
  Item.__index = Item
  function Item.new(name, price) return setmetatable({name = name, price = price, sold = 0}, Item) end
  function Item:sell(k) self.sold = self.sold + k; return self.price * k end
  local items, lines = {}, {}
  for i = 1, n do items[i] = Item.new(string.format("item-%04d", draw(10000)), 100 + draw(900)) end
  for i = 1, n * 12 do
    local item = items[draw(n) + 1]
    lines[#lines + 1] = item.name .. ";" .. draw(5) .. ";" .. (draw(10) == 0 and "gift" or "sale")
  end
  local byname, income, gifts = {}, 0, 0
  for _, item in ipairs(items) do byname[item.name] = item end
  for _, line in ipairs(lines) do
    local name, count, what = line:match("^([%w%-]+);(%d+);(%a+)$")
    if what == "gift" then gifts = gifts + 1 else income = income + byname[name]:sell(tonumber(count)) end
  end
  table.sort(items, function(a, b)
    if a.sold ~= b.sold then return a.sold > b.sold end
    if a.name ~= b.name then return a.name < b.name end
    return a.price < b.price
  end)
  local report = {}
  for i = 1, #items do report[i] = (items[i].name:upper():gsub("%-", "_")) .. "=" .. items[i].sold end
  local text = table.concat(report, ",")
  local sum = 0
  for i = 1, #text do sum = (sum * 31 + text:byte(i)) % 1000000007 end
  local words = 0
  for w in text:gmatch("%w+_%d+") do words = words + #w end
  print(income, gifts, #text, sum, words, items[1].name, items[#items].name)
end

local function maths(n)
  local function matrix(f)
    local m = {}
    for i = 1, n do
      m[i] = {}
      for j = 1, n do m[i][j] = f(i, j) end
    end
    return m
  end
  local a, b = matrix(function(i, j) return (i * j) % 7 + 0.5 end), matrix(function(i, j) return (i + 2 * j) % 5 end)
  local trace = 0.0
  for i = 1, n do
    for j = 1, n do
      local s = 0.0
      for k = 1, n do s = s + a[i][k] * b[k][j] end
      if i == j then trace = trace + s end
    end
  end
  local primes, sieve = 0, {}
  for i = 2, n * 400 do
    if not sieve[i] then
      primes = primes + 1
      for j = i * i, n * 400, i do sieve[j] = true end
    end
  end
  local function fib(k) if k < 2 then return k end return fib(k - 1) + fib(k - 2) end
  local producer = coroutine.wrap(function() for i = 1, n * 300 do coroutine.yield(i ~ (i >> 3)) end return -1 end)
  local folded, v = 0, producer()
  while v >= 0 do folded = (folded * 3 + v) & 0xffffff; v = producer() end
  local steps, longest = 0, 0
  for i = 1, n * 20 do
    local x, k = i, 0
    while x ~= 1 do
      if x % 2 == 0 then x = x // 2 else x = 3 * x + 1 end
      k = k + 1
    end
    steps = steps + k
    if k > longest then longest = k end
  end
  print(trace, primes, fib(20 + n // 40), folded, steps, longest)
end

if kind == "shop" then shop(size) else maths(size) end

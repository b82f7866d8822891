// mujs: events|puzzle SIZE; two kinds of work, each printing what it computed
var kind = scriptArgs[0], size = +scriptArgs[1];
var state = 42;

function draw(below) {
	state = (state * 16807) % 2147483647;
	return state % below;
}

function hash(text) {
	var h = 7;
	for (var i = 0; i < text.length; i++)
		h = (h * 31 + text.charCodeAt(i)) % 1000003;
	return h;
}

function events(n) {
	var names = ["login", "logout", "order", "refund", "search"];
	var list = [], totals = {}, text, copy, i;
	for (i = 0; i < n; i++)
		list.push({ id: i, name: names[draw(5)], value: draw(1000) / 4, tags: ["t" + draw(9), "u" + draw(9)] });
	list.forEach(function (e) {
		var t = totals[e.name] || (totals[e.name] = { count: 0, sum: 0 });
		t.count++;
		t.sum += e.value;
	});
	list.sort(function (a, b) { return a.value - b.value || a.id - b.id; });
	text = JSON.stringify(list);
	copy = JSON.parse(text);
	print(copy.length, copy[0].id, copy[n - 1].id, text.length, hash(text.substring(0, 20000)));
	names.forEach(function (name) { print(name, totals[name].count, totals[name].sum); });
	var found = list.filter(function (e) { return e.tags[0] === "t3" && /^(lo|se)/.test(e.name); });
	var lines = found.map(function (e) { return e.name.replace(/o/g, "0").toUpperCase() + ":" + e.tags.join("+"); });
	print(found.length, hash(lines.join(",")), lines.join(",").split(":").length);
}

function Board(n) {
	this.n = n;
	this.columns = [];
	this.solutions = 0;
	this.tried = 0;
}

Board.prototype.safe = function (column) {
	var row = this.columns.length;
	for (var i = 0; i < row; i++) {
		var c = this.columns[i];
		if (c === column || Math.abs(c - column) === row - i)
			return false;
	}
	return true;
};

Board.prototype.solve = function () {
	if (this.columns.length === this.n) {
		this.solutions++;
		return;
	}
	for (var c = 0; c < this.n; c++) {
		this.tried++;
		if (this.safe(c)) {
			this.columns.push(c);
			this.solve();
			this.columns.pop();
		}
	}
};

function puzzle(n) {
	var board = new Board(n), grid = [], next, i, j, k, alive = 0;
	board.solve();
	print(board.solutions, board.tried);
	for (i = 0; i < 24; i++) {
		grid[i] = [];
		for (j = 0; j < 24; j++)
			grid[i][j] = draw(3) === 0 ? 1 : 0;
	}
	for (k = 0; k < n * 3; k++) {
		next = [];
		for (i = 0; i < 24; i++) {
			next[i] = [];
			for (j = 0; j < 24; j++) {
				var around = 0;
				for (var y = -1; y <= 1; y++)
					for (var x = -1; x <= 1; x++)
						if (x || y)
							around += grid[(i + y + 24) % 24][(j + x + 24) % 24];
				next[i][j] = around === 3 || (around === 2 && grid[i][j]) ? 1 : 0;
			}
		}
		grid = next;
	}
	for (i = 0; i < 24; i++)
		alive += grid[i].reduce(function (a, b) { return a + b; }, 0);
	print(alive, grid[5].join(""));
}

if (kind === "events")
	events(size);
else
	puzzle(size);

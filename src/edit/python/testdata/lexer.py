"""A little language: lexer with a position, recursive evaluation, inheritance."""


class Token:
    def __init__(self, kind, text, line=1):
        self.kind = kind
        self.text = text
        self.line = line

    def is_operator(self):
        return self.kind == "op"


class Reader:
    def __init__(self, text):
        self.text = text
        self.position = 0
        self.line = 1

    def at_end(self):
        return self.position >= len(self.text)

    def current(self):
        if self.position >= len(self.text):
            return ""
        return self.text[self.position]

    def advance(self):
        char = self.text[self.position]
        self.position += 1
        if char == "\n":
            self.line += 1
        return char


class Lexer(Reader):
    def __init__(self, text, comment="#"):
        super().__init__(text)
        self.comment = comment
        self.count = 0

    def skip_space(self):
        while self.position < len(self.text) and self.text[self.position] in " \t":
            self.position += 1

    def number(self):
        start = self.position
        while not self.at_end() and self.current().isdigit():
            self.advance()
        return Token("num", self.text[start:self.position], line=self.line)

    def tokens(self):
        result = []
        while True:
            self.skip_space()
            if self.at_end():
                break
            char = self.current()
            if char.isdigit():
                token = self.number()
            elif char == self.comment:
                while not self.at_end() and self.current() != "\n":
                    self.advance()
                continue
            else:
                token = Token("op", self.advance(), line=self.line)
            self.count += 1
            result.append(token)
        return result


class Evaluator:
    PRECEDENCE = {"+": 1, "-": 1, "*": 2}

    def __init__(self, tokens):
        self.tokens = tokens
        self.at = 0

    def peek(self):
        if self.at < len(self.tokens):
            return self.tokens[self.at]
        return None

    def take(self):
        token = self.tokens[self.at]
        self.at += 1
        return token

    def priority(self, token):
        if token is None or not token.is_operator():
            return 0
        return self.PRECEDENCE.get(token.text, 0)

    def expression(self, lowest=1):
        token = self.take()
        if token.text == "(":
            value = self.expression()
            self.take()
        else:
            value = int(token.text)
        while self.priority(self.peek()) >= lowest:
            operator = self.take()
            right = self.expression(self.priority(operator) + 1)
            if operator.text == "+":
                value = value + right
            elif operator.text == "-":
                value = value - right
            else:
                value = value * right
        return value


def evaluate(line):
    tokens = [t for t in Lexer(line).tokens() if t.text != "\n"]
    return Evaluator(tokens).expression()


def words(text):
    word = ""
    for char in text:
        if char == " ":
            yield word
            word = ""
        else:
            word += char
    yield word


def longest(text):
    best = ""
    for word in words(text):
        if len(word) > len(best):
            best = word
    return best


def main():
    lexer = Lexer("1 + 23 * (4 - 5) # remark\n7")
    print([(t.kind, t.text, t.line) for t in lexer.tokens()], lexer.count, lexer.line)
    for line in ["1 + 2 * 3", "(1 + 2) * 3", "10 - 4 - 3", "2 * (3 + 4) * 5"]:
        print(line, "=", evaluate(line))
    print(longest("a quick brown-ish fox jumps"))


main()

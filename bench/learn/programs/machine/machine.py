"""A small stack machine: an assembler, an interpreter, and two programs for it."""

import sys

PRIMES = """
    push 2
    store n
    push 0
    store sum
next:
    load n
    load limit
    less
    jumpz done
    push 2
    store d
try:
    load d
    load d
    mul
    load n
    less_equal
    jumpz prime
    load n
    load d
    mod
    jumpz composite
    load d
    push 1
    add
    store d
    jump try
prime:
    load sum
    load n
    add
    store sum
composite:
    load n
    push 1
    add
    store n
    jump next
done:
    load sum
    print
    halt
"""

FIBONACCI = """
    push 0
    store a
    push 1
    store b
loop:
    load limit
    jumpz end
    load a
    load b
    dup
    store a
    add
    push 1000007
    mod
    store b
    load limit
    push 1
    sub
    store limit
    jump loop
end:
    load a
    print
    halt
"""


class Instruction:
    def __init__(self, name, argument):
        self.name = name
        self.argument = argument


def assemble(text):
    labels = {}
    instructions = []
    for line in text.split("\n"):
        line = line.strip()
        if len(line) == 0:
            continue
        if line[-1] == ":":
            labels[line[:-1]] = len(instructions)
            continue
        parts = line.split()
        argument = None
        if len(parts) > 1:
            argument = parts[1]
        instructions.append(Instruction(parts[0], argument))
    for instruction in instructions:
        if instruction.name in ["jump", "jumpz"]:
            instruction.argument = labels[instruction.argument]
        elif instruction.name == "push":
            instruction.argument = int(instruction.argument)
    return instructions


class Machine:
    def __init__(self, instructions, variables):
        self.instructions = instructions
        self.variables = variables
        self.stack = []
        self.output = []
        self.position = 0
        self.steps = 0
        self.running = True

    def push(self, value):
        self.stack.append(value)

    def pop(self):
        return self.stack.pop()

    def step(self):
        instruction = self.instructions[self.position]
        self.position += 1
        self.steps += 1
        name = instruction.name
        if name == "push":
            self.push(instruction.argument)
        elif name == "load":
            self.push(self.variables[instruction.argument])
        elif name == "store":
            self.variables[instruction.argument] = self.pop()
        elif name == "add":
            b = self.pop()
            a = self.pop()
            self.push(a + b)
        elif name == "sub":
            b = self.pop()
            a = self.pop()
            self.push(a - b)
        elif name == "mul":
            b = self.pop()
            a = self.pop()
            self.push(a * b)
        elif name == "mod":
            b = self.pop()
            a = self.pop()
            self.push(a % b)
        elif name == "less":
            b = self.pop()
            a = self.pop()
            self.push(1 if a < b else 0)
        elif name == "less_equal":
            b = self.pop()
            a = self.pop()
            self.push(1 if a <= b else 0)
        elif name == "dup":
            self.push(self.stack[-1])
        elif name == "jump":
            self.position = instruction.argument
        elif name == "jumpz":
            if self.pop() == 0:
                self.position = instruction.argument
        elif name == "print":
            self.output.append(str(self.pop()))
        elif name == "halt":
            self.running = False

    def run(self):
        while self.running == True:
            self.step()
        return self.output


def main(limit, rounds):
    for _ in range(rounds):
        first = Machine(assemble(PRIMES), {"limit": limit})
        second = Machine(assemble(FIBONACCI), {"limit": limit * 10})
        lines = first.run() + second.run()
    print("%s after %d and %d steps" % (" ".join(lines), first.steps, second.steps))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

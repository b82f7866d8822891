"""Bouncing particles: small vector objects, operators, properties."""
import math


class Vector:
    def __init__(self, x, y, z):
        self.x = x
        self.y = y
        self.z = z

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y, self.z + other.z)

    def __sub__(self, other):
        return Vector(self.x - other.x, self.y - other.y, self.z - other.z)

    def scaled(self, factor):
        return Vector(self.x * factor, self.y * factor, self.z * factor)

    def dot(self, other):
        return self.x * other.x + self.y * other.y + self.z * other.z

    def magnitude(self):
        return math.sqrt(self.dot(self))

    def normalized(self):
        return self.scaled(1.0 / self.magnitude())


class Particle:
    def __init__(self, position, velocity, mass=1.0):
        self.position = position
        self.velocity = velocity
        self.mass = mass

    @property
    def energy(self):
        return 0.5 * self.mass * self.velocity.dot(self.velocity)

    def step(self, dt):
        self.position = self.position + self.velocity.scaled(dt)
        if self.position.z < 0:
            self.position.z = -self.position.z
            self.velocity.z = -self.velocity.z


class World:
    def __init__(self, count):
        self.dt = 0.01
        self.gravity = Vector(0.0, 0.0, -9.81)
        self.particles = []
        self.steps = 0
        for i in range(count):
            self.particles.append(
                Particle(Vector(i * 0.5, 1.0 / (i + 1), 10.0), Vector(0.1, -0.2 * i, 0.3), mass=1.0 + i)
            )

    def advance(self, steps):
        for _ in range(steps):
            for particle in self.particles:
                particle.velocity = particle.velocity + self.gravity.scaled(self.dt)
                particle.step(self.dt)
            self.steps += 1

    def energy(self):
        return sum(p.energy for p in self.particles)

    def spread(self):
        widest = 0.0
        for i in range(len(self.particles)):
            for j in range(i + 1, len(self.particles)):
                d = self.particles[i].position - self.particles[j].position
                widest = max(widest, d.magnitude())
        return widest


def main():
    world = World(12)
    world.advance(60)
    print("%.9f %.9f %d" % (world.energy(), world.spread(), world.steps))
    direction = Vector(1.0, 2.0, 3.0).normalized()
    print("%.9f %.9f" % (direction.x, direction.dot(Vector(1.0, 1.0, 1.0))))


main()

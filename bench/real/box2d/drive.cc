// Box2D: pyramid|machine SIZE STEPS [DIGITS]; simulates, and prints where bodies are on the way and at the end.
#include "box2d/box2d.h"
#include "generate.h"

namespace {

b2Body* add_box(b2World& world, float x, float y, float width, float height, b2BodyType type) {
  b2BodyDef definition;
  definition.type = type;
  definition.position.Set(x, y);
  b2Body* body = world.CreateBody(&definition);
  b2PolygonShape shape;
  shape.SetAsBox(width, height);
  b2FixtureDef fixture;
  fixture.shape = &shape;
  fixture.density = 1.0f;
  fixture.friction = 0.6f;
  body->CreateFixture(&fixture);
  return body;
}

void make_pyramid(b2World& world, int rows) {
  add_box(world, 0, -1, 100, 1, b2_staticBody);
  for (int i = 0; i < rows; i++) {
    for (int j = i; j < rows; j++) {
      add_box(world, 1.125f * j - 0.5625f * i - 0.5625f * rows, 0.5f + 1.25f * i, 0.5f, 0.5f, b2_dynamicBody);
    }
  }
}

void make_machine(b2World& world, int balls) {
  b2Body* ground = add_box(world, 0, -12, 40, 1, b2_staticBody);
  add_box(world, -14, 0, 1, 14, b2_staticBody);
  add_box(world, 14, 0, 1, 14, b2_staticBody);
  b2Body* paddle = add_box(world, 0, -4, 8, 0.4f, b2_dynamicBody);
  b2RevoluteJointDef motor;
  motor.Initialize(ground, paddle, b2Vec2(0, -4));
  motor.motorSpeed = 1.5f;
  motor.maxMotorTorque = 1e6f;
  motor.enableMotor = true;
  world.CreateJoint(&motor);
  b2Body* last = ground;
  for (int i = 0; i < 16; i++) {
    b2Body* link = add_box(world, -8.0f + i, 10, 0.5f, 0.125f, b2_dynamicBody);
    b2RevoluteJointDef hinge;
    hinge.Initialize(last, link, b2Vec2(-8.5f + i, 10));
    world.CreateJoint(&hinge);
    last = link;
  }
  for (int i = 0; i < balls; i++) {
    b2BodyDef definition;
    definition.type = b2_dynamicBody;
    definition.position.Set((int)draw(200) / 10.0f - 10.0f, 1.0f + i * 0.3f);
    definition.bullet = i % 16 == 0;
    b2Body* ball = world.CreateBody(&definition);
    b2CircleShape shape;
    shape.m_radius = 0.2f + draw(20) / 100.0f;
    b2FixtureDef fixture;
    fixture.shape = &shape;
    fixture.density = 1.0f;
    fixture.restitution = 0.3f;
    ball->CreateFixture(&fixture);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const int steps = std::atoi(argv[3]), digits = argc > 4 ? std::atoi(argv[4]) : 9;
  b2World world(b2Vec2(0.0f, -10.0f));
  world.SetAllowSleeping(false);
  argv[1][0] == 'p' ? make_pyramid(world, std::atoi(argv[2])) : make_machine(world, std::atoi(argv[2]));
  for (int i = 0; i < steps; i++) {
    world.Step(1.0f / 60.0f, 8, 3);
    if (i % 50 == 49 || i + 1 == steps) {
      float x = 0, y = 0, angle = 0;
      for (const b2Body* b = world.GetBodyList(); b != nullptr; b = b->GetNext()) {
        x += b->GetPosition().x;
        y += b->GetPosition().y;
        angle += b->GetAngle();
      }
      std::printf("%d: %d bodies, %d contacts, %.*g %.*g %.*g\n", i + 1, (int)world.GetBodyCount(),
                  (int)world.GetContactCount(), digits, x, digits, y, digits, angle);
    }
  }
  for (const b2Body* b = world.GetBodyList(); b != nullptr && digits == 9; b = b->GetNext()) {
    std::printf("%.9g %.9g %.9g\n", b->GetPosition().x, b->GetPosition().y, b->GetAngle());
  }
  return 0;
}

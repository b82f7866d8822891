"""richards: run LOOPS, or mix COUNT CONTROL PACKETS for another set of tasks; prints the counters and what the tasks hold."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import richards as r  # noqa: E402


def packets(first, ident, kind, count):
    for _ in range(count):
        first = r.Packet(first, ident, kind)
    return first


def mix(count, control, work):
    """The tasks of Richards.run with other numbers."""
    area = r.taskWorkArea
    area.holdCount = area.qpktCount = 0
    area.taskList = None
    idle = r.IdleTaskRec()
    idle.count, idle.control = count, control
    r.IdleTask(r.I_IDLE, 1, 10000, r.TaskState().running(), idle)
    r.WorkTask(
        r.I_WORK, 1000, packets(None, 0, r.K_WORK, work), r.TaskState().waitingWithPacket(), r.WorkerTaskRec()
    )
    for handler, device, priority in [(r.I_HANDLERA, r.I_DEVA, 2000), (r.I_HANDLERB, r.I_DEVB, 3000)]:
        queue = packets(None, device, r.K_DEV, work + 1)
        r.HandlerTask(handler, priority, queue, r.TaskState().waitingWithPacket(), r.HandlerTaskRec())
    r.DeviceTask(r.I_DEVA, 4000, None, r.TaskState().waiting(), r.DeviceTaskRec())
    r.DeviceTask(r.I_DEVB, 5000, None, r.TaskState().waiting(), r.DeviceTaskRec())
    r.schedule()


def chain(packet):
    found = []
    while packet is not None:
        found.append((packet.ident, packet.kind, packet.datum, list(packet.data)))
        packet = packet.link
    return found


def show():
    print(r.taskWorkArea.holdCount, r.taskWorkArea.qpktCount)
    for task in r.taskWorkArea.taskTab:
        if task is None:
            continue
        handle = task.handle
        state = [task.ident, task.priority, task.packet_pending, task.task_waiting, task.task_holding]
        for name in ("count", "control", "destination"):
            state.append(getattr(handle, name, None))
        print(state, chain(task.input))
        for name in ("work_in", "device_in", "pending"):
            print(" ", name, chain(getattr(handle, name, None)))


def main(kind, *numbers):
    if kind == "run":
        print(r.Richards().run(int(numbers[0])))
        show()
    else:
        count, control, work = map(int, numbers)
        for i in range(6):
            mix(count, control + i, work)
            show()


main(*sys.argv[1:])

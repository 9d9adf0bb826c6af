from threading import Event, Thread

from ltrr_haystack.store.gate import Gate


class TestGate:
    def test_many_may_be_inside(self):
        gate = Gate()
        with gate, gate:
            pass
        gate.shut()

    def test_shutting_waits_until_nobody_is_inside(self):
        gate, order = Gate(), []
        inside, leave = Event(), Event()

        def visit():
            with gate:
                inside.set()
                leave.wait()
                order.append("out")

        def shut():
            gate.shut()
            order.append("shut")

        visitor, keeper = Thread(target=visit), Thread(target=shut)
        visitor.start()
        inside.wait()
        keeper.start()
        leave.set()
        visitor.join()
        keeper.join()
        assert order == ["out", "shut"]

    def test_newcomers_wait_until_it_is_opened(self):
        gate, order = Gate(), []

        def visit():
            with gate:
                order.append("in")

        gate.shut()
        visitor = Thread(target=visit)
        visitor.start()
        visitor.join(0.05)
        order.append("open")
        gate.open()
        visitor.join()
        assert order == ["open", "in"]

    def test_an_error_inside_leaves_it(self):
        gate = Gate()
        try:
            with gate:
                raise KeyError
        except KeyError:
            gate.shut()

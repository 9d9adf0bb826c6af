import json


class TestIngest:
    def test_every_click_arrives_once_and_the_file_says_so(self, ingest, tmp_path, capsys):
        file = tmp_path / "ingest.json"
        figures = ingest.main(["--events", "400", "--batch", "30", "--json", str(file)])
        assert (figures["lost"], figures["doubled"], figures["rejected"]) == (0, 0, 0)
        assert (figures["accepted"], figures["duplicate"]) == (400, 40)
        assert min(figures["events_per_s"], figures["searches_per_s"]) > 0
        assert json.loads(file.read_text()) == figures == json.loads(capsys.readouterr().out)

    def test_a_search_takes_little_room(self, ingest, tmp_path):
        assert ingest.measure(tmp_path, events=1000)["bytes_per_search"] < 3100

    def test_sees_what_is_lost_and_what_is_doubled(self, ingest, tmp_path, monkeypatch):
        rewards_in = ingest.rewards_in

        def some_lost_and_one_doubled(store):
            rewards = rewards_in(store)
            first, second, *others = sorted(rewards)
            return {first: 1.0, second: 2.0, others[0]: 1.0}

        monkeypatch.setattr(ingest, "rewards_in", some_lost_and_one_doubled)
        figures = ingest.measure(tmp_path, events=20)
        assert (figures["lost"], figures["doubled"]) == (17, 1)

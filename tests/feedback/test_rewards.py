import math

import pytest

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.feedback.rewards import RewardModel


class TestRewardModel:
    def test_defaults_are_in_units_of_a_click(self):
        worth = RewardModel()
        assert [worth("click"), worth("add_to_cart"), worth("dislike")] == [1.0, 3.0, -1.0]
        assert worth("purchase") > worth("add_to_cart")

    def test_an_action_that_is_not_named_is_worth_nothing(self):
        assert RewardModel()("impression") == 0.0

    def test_weights_stand_in_the_place_of_all_defaults(self):
        worth = RewardModel({"purchase": 10})
        assert worth("purchase") == 10.0
        assert worth("click") == 0.0

    def test_shows_its_weights(self):
        assert repr(RewardModel({"click": 1.0, "purchase": 2.5})) == "RewardModel(click=1, purchase=2.5)"

    def test_goes_to_a_dictionary_and_back(self):
        model = RewardModel({"click": 0.5})
        data = model.to_dict()
        assert data == {
            "type": "ltrr_haystack.feedback.rewards.RewardModel",
            "init_parameters": {"weights": {"click": 0.5}},
        }
        assert RewardModel.from_dict(data) == model

    @pytest.mark.parametrize("weight", [math.nan, math.inf, "1", None, True])
    def test_refuses_a_reward_that_is_no_finite_number(self, weight):
        with pytest.raises(ConfigurationError, match="reward of action 'click' must be a finite number, got"):
            RewardModel({"click": weight})

    def test_refuses_a_number_beyond_all_floats(self):
        with pytest.raises(ConfigurationError, match=r"must lie within ±10, got more than 1e\+300"):
            RewardModel({"click": 10**5000})

    def test_refuses_what_is_no_mapping(self):
        with pytest.raises(ConfigurationError, match="rewards must be action name → reward, got list"):
            RewardModel([("click", 1.0)])

    @pytest.mark.parametrize("action", ["", 3])
    def test_refuses_an_action_without_a_name(self, action):
        with pytest.raises(ConfigurationError, match="rewards must name actions by text such as 'click', got"):
            RewardModel({action: 1.0})

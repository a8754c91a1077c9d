"""The truth at any digits: specifications read, their definitions evaluated, golden values made."""

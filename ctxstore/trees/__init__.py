"""The Merkle structures: lists, maps, and the trees and files made of them."""

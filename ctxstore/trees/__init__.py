"""The Merkle structures: lists, maps, and the trees and files that consist of them."""

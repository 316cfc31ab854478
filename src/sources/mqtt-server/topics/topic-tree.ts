/**
 * A tree with one node for each level of topics or topic filters:
 *
 *     sensors/+/temp, sensors/#        sensors ─┬─ + ── temp
 *                                               └─ #
 *
 * Most nodes have one child, so only a second one makes a Map.
 */
export class TopicNode<Value> {
  /** What belongs to the topic or filter that ends here. */
  value: Value | undefined = undefined
  /** While there is one child, its name. */
  #name: string | undefined = undefined
  #only: TopicNode<Value> | undefined = undefined
  #children: Map<string, TopicNode<Value>> | undefined = undefined

  /** Whether the node has neither a value nor children. */
  get isEmpty(): boolean {
    return this.value === undefined && this.#only === undefined && this.#children === undefined
  }

  child(name: string): TopicNode<Value> | undefined {
    if (this.#children !== undefined) return this.#children.get(name)
    return this.#name === name ? this.#only : undefined
  }

  /** The node of `names`, which is added if it does not exist. */
  add(names: readonly string[]): TopicNode<Value> {
    let node: TopicNode<Value> = this
    for (const name of names) node = node.child(name) ?? node.#addChild(name)
    return node
  }

  find(names: readonly string[]): TopicNode<Value> | undefined {
    let node: TopicNode<Value> | undefined = this
    for (const name of names) node = node?.child(name)
    return node
  }

  /** Removes the nodes of `names` that are empty, so that past topics take no memory. */
  prune(names: readonly string[], depth = 0): void {
    const name = names[depth]
    const child = name === undefined ? undefined : this.child(name)
    if (name === undefined || child === undefined) return
    child.prune(names, depth + 1)
    if (child.isEmpty) this.#removeChild(name)
  }

  children(): [name: string, child: TopicNode<Value>][] {
    if (this.#children !== undefined) return [...this.#children]
    return this.#only === undefined ? [] : [[this.#name ?? '', this.#only]]
  }

  #addChild(name: string): TopicNode<Value> {
    const child = new TopicNode<Value>()
    if (this.#children !== undefined) {
      this.#children.set(name, child)
    } else if (this.#only === undefined) {
      this.#name = name
      this.#only = child
    } else {
      this.#children = new Map([
        [this.#name ?? '', this.#only],
        [name, child],
      ])
      this.#name = undefined
      this.#only = undefined
    }
    return child
  }

  #removeChild(name: string): void {
    if (this.#children === undefined) {
      this.#name = undefined
      this.#only = undefined
      return
    }
    this.#children.delete(name)
    if (this.#children.size === 0) this.#children = undefined
  }
}

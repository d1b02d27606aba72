import click
@click.command()
def publish(): pass
